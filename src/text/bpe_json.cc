#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "text/bpe.h"
#include "text/byte_pieces.h"
#include "text/model_json.h"
#include "text/utf8.h"

namespace lode::text {
namespace {

Status read_normalizer(const JsonFields& fields, std::vector<BpeOptions::Step>& steps) {
  LODE_ASSIGN(const auto type, fields.string("type"));
  if (type == "Sequence") {
    LODE_ASSIGN(const auto items, fields.array("normalizers"));
    for (size_t i = 0; i < items.size(); ++i) {
      LODE_ASSIGN(const auto item, JsonFields::of(items[i], fields.at(fmt::format("normalizers[{}]", i))));
      LODE_TRY(read_normalizer(item, steps));
    }
    return {};
  }
  if (type == "Prepend") {
    LODE_TRY(fields.only({"type", "prepend"}));
    LODE_ASSIGN(const auto text, fields.string("prepend"));
    steps.push_back({"", std::string(text)});
    return {};
  }
  if (type == "Replace") {
    LODE_TRY(fields.only({"type", "pattern", "content"}));
    LODE_ASSIGN(const auto pattern, fields.object("pattern"));
    LODE_TRY(pattern.only({"String"}));
    LODE_ASSIGN(const auto from, pattern.string("String"));
    LODE_ASSIGN(const auto to, fields.string("content"));
    if (from.empty()) return fail(Code::corrupt, fmt::format("{} is empty", pattern.at("String")));
    steps.push_back({std::string(from), std::string(to)});
    return {};
  }
  return unsupported_type(fields, type, "Sequence, Prepend and Replace for BPE");
}

Result<BpeOptions::Metaspace> read_metaspace(const JsonFields& fields) {
  LODE_TRY(fields.only({"type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"}));
  BpeOptions::Metaspace space;
  LODE_ASSIGN(const auto mark, fields.string("replacement"));
  if (mark.empty() || utf8::scalar_at(mark, 0).n_bytes != mark.size()) {
    return fail(Code::corrupt,
                fmt::format("{} is {}, expected one character", fields.at("replacement"), json::quote(mark)));
  }
  space.mark = utf8::scalar_at(mark, 0).value;
  LODE_ASSIGN(space.split, fields.flag("split", true));
  LODE_ASSIGN(const bool prefix, fields.flag("add_prefix_space", true));
  LODE_ASSIGN(const auto named, fields.maybe_string("prepend_scheme"));
  const std::string_view scheme = named.value_or(prefix ? "always" : "never");
  if (scheme == "always") {
    space.prepend = BpeOptions::Prepend::always;
  } else if (scheme == "first") {
    space.prepend = BpeOptions::Prepend::first;
  } else if (scheme == "never") {
    space.prepend = BpeOptions::Prepend::never;
  } else {
    return fail(Code::unsupported, fmt::format("{} is {}, expected always, first or never", fields.at("prepend_scheme"),
                                               json::quote(scheme)));
  }
  return space;
}

// "a b" or ["a", "b"].
Result<std::pair<std::string_view, std::string_view>> read_merge(const json::Value& value, const std::string& where) {
  if (const auto text = value.as_string()) {
    const size_t space = text->find(' ');
    if (space != std::string_view::npos && text->find(' ', space + 1) == std::string_view::npos) {
      return std::pair{text->substr(0, space), text->substr(space + 1)};
    }
  } else if (value.is(json::Kind::array) && value.size() == 2) {
    const auto items = value.items();
    const auto left = items[0].as_string(), right = items[1].as_string();
    if (left && right) return std::pair{*left, *right};
  }
  return fail(Code::corrupt, fmt::format("{} is {}, expected two pieces", where, value.text(60)));
}

Result<std::vector<Merges::Merge>> read_merges(const JsonFields& model, const Vocab& vocab) {
  LODE_ASSIGN(const auto items, model.array("merges"));
  std::vector<Merges::Merge> merges;
  merges.reserve(items.size());
  std::string joined;
  for (size_t i = 0; i < items.size(); ++i) {
    auto pair = read_merge(items[i], model.where());
    if (!pair) return fail(Code::corrupt, fmt::format("{}, in merges[{}]", pair.error().message, i));
    joined.assign(pair->first).append(pair->second);
    const auto left = vocab.id_of(pair->first), right = vocab.id_of(pair->second), result = vocab.id_of(joined);
    if (!left || !right || !result) {
      const std::string_view missing = !left ? pair->first : !right ? pair->second : std::string_view(joined);
      return fail(Code::corrupt,
                  fmt::format("{} joins {}, but {} is not in the vocabulary", model.at(fmt::format("merges[{}]", i)),
                              items[i].text(60), json::quote(missing)));
    }
    merges.push_back({*left, *right, *result});
  }
  return merges;
}

}  // namespace

Result<ModelParts> read_bpe(const JsonFields& file, const JsonFields& model, Vocab vocab) {
  LODE_TRY(model.only({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                       "byte_fallback", "ignore_merges", "vocab", "merges"}));
  BpeOptions options;
  if (const auto dropout = model.find("dropout"); dropout && dropout->as_double() != 0.0) {
    return fail(Code::unsupported, fmt::format("{} is {}, expected none", model.at("dropout"), dropout->text(60)));
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    LODE_ASSIGN(const auto affix, model.maybe_string(key));
    if (affix && !affix->empty()) {
      return fail(Code::unsupported, fmt::format("{} is {}, expected none", model.at(key), json::quote(*affix)));
    }
  }
  LODE_ASSIGN(const bool ignore_merges, model.flag("ignore_merges", false));
  if (ignore_merges)
    return fail(Code::unsupported, fmt::format("{} is true, expected false", model.at("ignore_merges")));
  LODE_ASSIGN(options.fuse_unknown, model.flag("fuse_unk", false));
  LODE_ASSIGN(const bool byte_fallback, model.flag("byte_fallback", false));
  if (byte_fallback) {
    LODE_ASSIGN(options.byte_pieces, find_byte_pieces(vocab, file.where()));
  }
  LODE_ASSIGN(const auto unknown, model.maybe_string("unk_token"));
  if (unknown) options.unknown = vocab.id_of(*unknown);
  if (!byte_fallback && !options.unknown) {
    return fail(Code::unsupported,
                fmt::format("{} is {} and there is no byte_fallback: expected a piece of the vocabulary",
                            model.at("unk_token"), unknown ? json::quote(*unknown) : "absent"));
  }
  if (file.has("normalizer")) {
    LODE_ASSIGN(const auto fields, file.object("normalizer"));
    LODE_TRY(read_normalizer(fields, options.normalizer));
  }
  if (file.has("pre_tokenizer")) {
    LODE_ASSIGN(const auto fields, file.object("pre_tokenizer"));
    LODE_ASSIGN(const auto type, fields.string("type"));
    if (type != "Metaspace") return unsupported_type(fields, type, "Metaspace for BPE");
    LODE_ASSIGN(options.metaspace, read_metaspace(fields));
  }
  LODE_ASSIGN(const auto merges, read_merges(model, vocab));
  auto bpe = std::make_unique<Bpe>(vocab, merges, std::move(options));
  return ModelParts{std::move(vocab), std::move(bpe)};
}

}  // namespace lode::text
