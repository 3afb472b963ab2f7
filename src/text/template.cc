#include "text/template.h"

#include <string>

#include <fmt/format.h>

#include "base/json.h"

namespace lode::text {

Result<Template> llama_template(const TokenizerConfig& config, const Vocab& vocab, std::string_view what) {
  Template around;
  const auto add = [&](std::string_view key, std::string_view otherwise, std::vector<TokenId>& side) -> Status {
    const std::string piece = config.name(key, otherwise);
    const auto id = vocab.id_of(piece);
    if (!id) return fail(Code::corrupt, fmt::format("{}: {} is {}, which is no token", what, key, json::quote(piece)));
    side.push_back(*id);
    return {};
  };
  if (config.add_bos_token.value_or(true)) LODE_TRY(add("bos_token", "<s>", around.prefix));
  if (config.add_eos_token.value_or(false)) LODE_TRY(add("eos_token", "</s>", around.suffix));
  return around;
}

}  // namespace lode::text
