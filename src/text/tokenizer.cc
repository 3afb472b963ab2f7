#include "text/tokenizer.h"

#include <fmt/format.h>

#include "base/gguf.h"
#include "base/mapped_file.h"
#include "text/gguf_tokenizer.h"
#include "text/sentencepiece_tokenizer.h"
#include "text/tokenizer_config.h"
#include "text/tokenizer_json.h"
#include "text/vocab_txt.h"

namespace lode::text {

namespace fs = std::filesystem;

std::vector<TokenId> encode_with_template(const Tokenizer& tokenizer, std::string_view text) {
  const auto prefix = tokenizer.template_prefix(), suffix = tokenizer.template_suffix();
  std::vector<TokenId> ids(prefix.begin(), prefix.end());
  tokenizer.encode(text, ids);
  ids.insert(ids.end(), suffix.begin(), suffix.end());
  return ids;
}

namespace {

struct Format {
  const char* name;
  Result<std::unique_ptr<Tokenizer>> (*read)(std::string_view, std::string_view, const TokenizerConfig&);
};
constexpr Format kFormats[] = {
    {"tokenizer.json", read_tokenizer_json}, {"tokenizer.model", read_sentencepiece}, {"vocab.txt", read_vocab_txt}};
constexpr const char* kConfigName = "tokenizer_config.json";

Result<std::unique_ptr<Tokenizer>> load_gguf(const fs::path& path) {
  LODE_ASSIGN(const MappedFile mapped, MappedFile::open(path));
  LODE_ASSIGN(const gguf::File file, gguf::parse(mapped.bytes(), path.string()));
  const auto carried = [&](std::string_view name) -> std::optional<std::string_view> {
    const gguf::Value* const value = file.find(fmt::format("{}{}", gguf::kCarriedFile, name));
    if (value == nullptr) return std::nullopt;
    // tokenizer.model is no text, so it is carried as an array of bytes.
    const bool bytes = value->kind == gguf::Kind::array && value->element == gguf::Kind::u8;
    if (value->kind != gguf::Kind::string && !bytes) return std::nullopt;
    return std::string_view(reinterpret_cast<const char*>(value->bytes.data()), value->bytes.size());
  };
  const auto named = [&](std::string_view name) { return fmt::format("{}: {}", path.string(), name); };
  TokenizerConfig config;
  if (const auto text = carried(kConfigName)) {
    LODE_ASSIGN(config, TokenizerConfig::parse(*text, named(kConfigName)));
  }
  for (const Format& format : kFormats) {
    if (const auto text = carried(format.name)) return format.read(*text, named(format.name), config);
  }
  return read_gguf_tokenizer(file, path.string());
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> load_tokenizer(const fs::path& folder) {
  if (gguf::is_gguf_file(folder)) return load_gguf(folder);
  std::error_code ignored;
  TokenizerConfig config;
  if (const fs::path path = folder / kConfigName; fs::exists(path, ignored)) {
    LODE_ASSIGN(const auto bytes, read_regular_file(path, size_t{64} << 20));
    LODE_ASSIGN(config, TokenizerConfig::parse(bytes, path.string()));
  }
  for (const Format& format : kFormats) {
    const fs::path path = folder / format.name;
    if (!fs::exists(path, ignored)) continue;
    LODE_ASSIGN(const auto bytes, read_regular_file(path, size_t{256} << 20));
    return format.read(bytes, path.string(), config);
  }
  return fail(Code::not_found,
              fmt::format("{}: no tokenizer, expected tokenizer.json, tokenizer.model or vocab.txt", folder.string()),
              "Get the model's tokenizer files into that folder");
}

}  // namespace lode::text
