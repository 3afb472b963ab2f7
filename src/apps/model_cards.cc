#include "apps/model_cards.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/digest.h"
#include "apps/licence.h"
#include "apps/model_store.h"
#include "base/json.h"
#include "base/mapped_file.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxBytes = size_t{1} << 20;

struct Facts {
  std::string_view name;  // in the model store
  std::string_view title;
  int64_t n_parameters;
  int64_t trained_tokens;        // 0: not published
  int64_t published_max_tokens;  // of the publisher's own settings
  std::array<std::string_view, 3> limits;
};

constexpr Facts kFacts[] = {
    {"all-minilm-l6-v2",
     "all-MiniLM-L6-v2",
     22'713'216,
     128,
     256,
     {"It was trained on texts of at most 128 tokens; its own settings cut longer ones than 256."}},
    {"nv-embed-v1",
     "NV-Embed-v1",
     7'851'016'192,
     0,
     4096,
     {"Its card speaks of 32k tokens; its own example and the hosted endpoint stop at 4096.",
      "Queries want an instruction that says the task; passages want none.",
      "Its card counts 7.1 billion parameters, which leaves out the 740 million of the latent-attention block."}},
    {"nv-embed-v2",
     "NV-Embed-v2",
     7'851'016'192,
     0,
     32768,
     {"Queries want an instruction that says the task; passages want none."}},
    {"nv-embedcode-7b-v1",
     "NV-EmbedCode-7b-v1",
     7'110'660'096,
     512,
     4096,
     {"It was trained on texts of at most 512 tokens: longer ones are outside what its scores were measured on.",
      "The 131k tokens that its card names are a theoretical span, not a length that it was trained on.",
      "Queries want an instruction; code and passages want none."}},
    {"sfr-embedding-2_r",
     "SFR-Embedding-2_R",
     7'110'660'096,
     0,
     4096,
     {"Queries want an instruction that says the task; passages want none."}},
};

std::string lower_name(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string licence_url(std::string_view licence) {
  const std::string name = lower_name(licence);
  if (name == "apache-2.0") return "https://www.apache.org/licenses/LICENSE-2.0";
  if (name == "mit") return "https://opensource.org/license/mit";
  if (name == "cc-by-nc-4.0") return "https://creativecommons.org/licenses/by-nc/4.0/";
  if (name == "cc-by-4.0") return "https://creativecommons.org/licenses/by/4.0/";
  return "";
}

// The hub id that a model folder's config.json carries.
std::string origin_of(const fs::path& folder) {
  const auto text = read_regular_file(folder / "config.json", kMaxBytes);
  if (!text) return "";
  const auto config = json::Document::parse(*text, "config.json");
  if (!config) return "";
  const auto origin = config->root().get("_name_or_path");
  return std::string(origin ? origin->as_string().value_or("") : "");
}

void add_licence_file(const fs::path& folder, server::ModelCard& card) {
  for (const char* name : {"LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE"}) {
    auto text = read_regular_file(folder / name, kMaxBytes);
    if (!text) continue;
    card.licence_file = name;
    card.licence_sha256 = sha256(*text);
    card.licence_text = std::move(*text);
    return;
  }
}

// By the folder's own name, which may be a link's, or by what served_name() makes of its place in the hub's cache.
const KnownModel* known_model(const fs::path& folder) {
  if (const KnownModel* const known = find_known(own_name(folder))) return known;
  const std::string served = served_name(folder);
  return find_known(std::string_view(served).substr(served.rfind('/') + 1));
}

}  // namespace

std::vector<std::string> card_languages(std::string_view card) {
  constexpr std::string_view kBlank = " \t\r\"',[]";
  std::vector<std::string> languages;
  const auto add = [&](std::string_view list) {
    while (true) {
      const size_t first = list.find_first_not_of(kBlank);
      if (first == std::string_view::npos) return;
      list.remove_prefix(first);
      const size_t end = std::min(list.find_first_of(kBlank), list.size());
      languages.emplace_back(list.substr(0, end));
      list.remove_prefix(end);
    }
  };
  if (!card.starts_with("---")) return {};
  bool in_list = false;
  size_t at = card.find('\n');
  while (at != std::string_view::npos && at + 1 < card.size()) {
    const size_t end = card.find('\n', at + 1);
    const std::string_view line = card.substr(at + 1, end == std::string_view::npos ? end : end - at - 1);
    at = end;
    if (line.starts_with("---")) break;
    if (line.starts_with("language:")) {
      in_list = true;
      add(line.substr(9));
    } else if (in_list && (line.starts_with("- ") || line.starts_with("  - "))) {
      add(line.substr(line.find('-') + 2));
    } else {
      in_list = false;
    }
  }
  return languages;
}

server::ModelCard read_model_card(const fs::path& folder) {
  server::ModelCard card;
  Licence licence = find_licence(folder, origin_of(folder));
  card.licence_url = licence_url(licence.name);
  card.licence = std::move(licence.name);
  card.restriction = std::move(licence.restriction);
  card.licence_source = std::move(licence.source);
  add_licence_file(folder, card);
  if (const auto readme = read_regular_file(folder / "README.md", kMaxBytes)) card.languages = card_languages(*readme);
  const KnownModel* const known = known_model(folder);
  if (known == nullptr) return card;
  card.url = fmt::format("https://huggingface.co/{}", known->hub_id);
  for (const Facts& facts : kFacts) {
    if (facts.name != known->name) continue;
    card.title = facts.title;
    card.n_parameters = facts.n_parameters;
    card.trained_tokens = facts.trained_tokens;
    card.published_max_tokens = facts.published_max_tokens;
    for (const std::string_view limit : facts.limits) {
      if (!limit.empty()) card.limits.emplace_back(limit);
    }
  }
  return card;
}

}  // namespace lode::apps
