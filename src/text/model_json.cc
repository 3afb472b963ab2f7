#include "text/model_json.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

namespace lode::text {
namespace {

Result<Vocab> read_vocab(const JsonFields& model) {
  LODE_ASSIGN(const auto table, model.object("vocab"));
  std::vector<std::pair<std::string_view, TokenId>> pieces;
  const auto members = table.value().members();
  pieces.reserve(members.size());
  for (const auto& [piece, value] : members) {
    const auto id = value.as_int();
    if (!id || *id < 0 || *id > Vocab::kMaxId) {
      return fail(Code::corrupt,
                  fmt::format("{} is {}, expected an id of 0 to {}", table.at(piece), value.text(60), Vocab::kMaxId));
    }
    pieces.emplace_back(piece, static_cast<TokenId>(*id));
  }
  if (pieces.empty()) return fail(Code::corrupt, fmt::format("{} is empty", table.where()));
  return Vocab::make(pieces, table.where());
}

Result<Decoder::Step> read_step(const JsonFields& fields, std::string_view type) {
  if (type == "ByteFallback") return Decoder::ByteFallback{};
  if (type == "Fuse") return Decoder::Fuse{};
  if (type == "Replace") {
    LODE_TRY(fields.only({"type", "pattern", "content"}));
    LODE_ASSIGN(const auto pattern, fields.object("pattern"));
    LODE_TRY(pattern.only({"String"}));
    LODE_ASSIGN(const auto from, pattern.string("String"));
    LODE_ASSIGN(const auto to, fields.string("content"));
    if (from.empty()) return fail(Code::corrupt, fmt::format("{} is empty", pattern.at("String")));
    return Decoder::Replace{std::string(from), std::string(to)};
  }
  if (type == "Strip") {
    LODE_TRY(fields.only({"type", "content", "start", "stop"}));
    LODE_ASSIGN(const auto content, fields.string("content"));
    LODE_ASSIGN(const int64_t start, fields.integer("start"));
    LODE_ASSIGN(const int64_t stop, fields.integer("stop"));
    if (content.empty() || start < 0 || stop < 0) {
      return fail(Code::corrupt, fmt::format("{}: expected a character and two counts", fields.where()));
    }
    return Decoder::Strip{std::string(content), static_cast<size_t>(start), static_cast<size_t>(stop)};
  }
  if (type == "Metaspace") {
    LODE_TRY(fields.only({"type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"}));
    LODE_ASSIGN(const auto mark, fields.string("replacement"));
    LODE_ASSIGN(const auto scheme, fields.maybe_string("prepend_scheme"));
    LODE_ASSIGN(const bool prefix, fields.flag("add_prefix_space", true));
    if (mark.empty()) return fail(Code::corrupt, fmt::format("{} is empty", fields.at("replacement")));
    return Decoder::Metaspace{std::string(mark), scheme ? *scheme != "never" : prefix};
  }
  if (type == "WordPiece") {
    LODE_TRY(fields.only({"type", "prefix", "cleanup"}));
    LODE_ASSIGN(const auto prefix, fields.string("prefix"));
    LODE_ASSIGN(const bool cleanup, fields.flag("cleanup", true));
    return Decoder::WordPiece{std::string(prefix), cleanup};
  }
  return unsupported_type(fields, type, "Replace, ByteFallback, Fuse, Strip, Metaspace and WordPiece");
}

Status read_steps(const JsonFields& fields, std::vector<Decoder::Step>& steps) {
  LODE_ASSIGN(const auto type, fields.string("type"));
  if (type != "Sequence") {
    LODE_ASSIGN(auto step, read_step(fields, type));
    steps.push_back(std::move(step));
    return {};
  }
  LODE_ASSIGN(const auto items, fields.array("decoders"));
  for (size_t i = 0; i < items.size(); ++i) {
    LODE_ASSIGN(const auto item, JsonFields::of(items[i], fields.at(fmt::format("decoders[{}]", i))));
    LODE_TRY(read_steps(item, steps));
  }
  return {};
}

}  // namespace

std::unexpected<Error> unsupported_type(const JsonFields& fields, std::string_view type, std::string_view known) {
  return fail(Code::unsupported,
              fmt::format("{} is {}, which Lodestone does not do; it does {}", fields.at("type"), type, known));
}

Result<ModelParts> read_model(const JsonFields& file) {
  LODE_ASSIGN(const auto model, file.object("model"));
  LODE_ASSIGN(const auto named, model.maybe_string("type"));
  // Old files do not name the type.
  const std::string_view type = named                                   ? *named
                                : model.has("merges")                   ? "BPE"
                                : model.has("max_input_chars_per_word") ? "WordPiece"
                                                                        : "unknown";
  if (type != "BPE" && type != "WordPiece") return unsupported_type(model, type, "BPE and WordPiece");
  LODE_ASSIGN(auto vocab, read_vocab(model));
  return type == "BPE" ? read_bpe(file, model, std::move(vocab)) : read_wordpiece(file, model, std::move(vocab));
}

Result<Decoder> read_decoder(const JsonFields& file) {
  if (!file.has("decoder")) return Decoder();
  LODE_ASSIGN(const auto fields, file.object("decoder"));
  std::vector<Decoder::Step> steps;
  LODE_TRY(read_steps(fields, steps));
  return Decoder(std::move(steps));
}

}  // namespace lode::text
