#include "model/config.h"

#include <array>
#include <optional>

#include <fmt/format.h>

namespace lode::model {
namespace {

constexpr double kRopeTheta = 10000;  // transformers' default
constexpr std::string_view kTaskTemplate = "Instruct: {task}\nQuery: ";

// What config.json's model_type means. The rest (sizes, pooling of the plain families, prompts of a release) is read.
struct Family {
  std::string_view model_type;
  std::string_view name;
  Architecture architecture;
  Attention attention;
  Pooling pooling;  // unless 1_Pooling says otherwise; latent attention is never overridden
  bool normalize;   // unless modules.json says otherwise
  bool pool_instruction;
  bool append_eos_text;
  int64_t default_max_tokens;  // 0: as many as there are positions
  std::string_view task_template;
  std::string_view query_task;  // the task of a query when the caller names none
};

constexpr std::array kFamilies = {
    Family{"nvembed", "NV-Embed", Architecture::mistral, Attention::bidirectional, Pooling::latent_attention, true,
           false, true, 4096, kTaskTemplate, "Given a question, retrieve passages that answer the question"},
    Family{"mistralbidirectional", "NV-EmbedCode", Architecture::mistral, Attention::bidirectional, Pooling::mean, true,
           true, false, 4096, kTaskTemplate, "Retrieve code or text based on user query."},
    Family{"mistral", "Mistral embedding", Architecture::mistral, Attention::causal, Pooling::last_token, true, true,
           false, 4096, kTaskTemplate, "Given a web search query, retrieve relevant passages that answer the query"},
    Family{"bert", "BERT", Architecture::bert, Attention::bidirectional, Pooling::mean, false, true, false, 0, "", ""},
};

std::unexpected<Error> bad(std::string_view file, std::string message) {
  return fail(Code::corrupt, fmt::format("{}: {}", file, message), "The model folder is damaged or of another format.");
}

std::unexpected<Error> unsupported(std::string message, std::string hint) {
  return fail(Code::unsupported, "config.json: " + message, std::move(hint));
}

// A whole number of [low, high]; absent or null gives the default, or an error where there is none.
Result<int64_t> read_int(json::Value object, std::string_view key, int64_t low, int64_t high,
                         std::optional<int64_t> otherwise = std::nullopt, std::string_view file = "config.json") {
  const auto value = object.get(key);
  if (!value) {
    if (otherwise) return *otherwise;
    return bad(file, fmt::format("{} is missing, a whole number was expected", key));
  }
  const auto number = value->as_int();
  if (!number || *number < low || *number > high) {
    return bad(file,
               fmt::format("{} is {}, a whole number from {} to {} was expected", key, value->text(40), low, high));
  }
  return *number;
}

Result<double> read_positive(json::Value object, std::string_view key, double otherwise) {
  const auto value = object.get(key);
  if (!value) return otherwise;
  const auto number = value->as_double();
  if (!number || !(*number > 0) || !(*number < 1e12)) {
    return bad("config.json", fmt::format("{} is {}, a positive number was expected", key, value->text(40)));
  }
  return *number;
}

Result<std::optional<bool>> read_bool(json::Value object, std::string_view key, std::string_view file) {
  const auto value = object.get(key);
  if (!value) return std::optional<bool>{};
  const auto flag = value->as_bool();
  if (!flag) return bad(file, fmt::format("{} is {}, true or false was expected", key, value->text(40)));
  return std::optional<bool>{*flag};
}

Status expect_string(json::Value object, std::string_view key, std::string_view wanted, std::string_view otherwise) {
  const auto value = object.get(key);
  const auto found = value ? value->as_string() : std::optional{otherwise};
  if (found && *found == wanted) return {};
  return unsupported(
      fmt::format("{} is {}, only \"{}\" is supported", key, value ? value->text(40) : "missing", wanted),
      "Lodestone would compute something else than the model's authors did, so it refuses.");
}

// Rotary embedding beyond rope_theta, which is read already. transformers 5 writes the base and the kind of scaling as
// one object, rope_parameters.
Status read_rotary(json::Value text, ModelConfig& config) {
  const auto refuse_part = [](json::Value object) -> Status {
    LODE_ASSIGN(const double part, read_positive(object, "partial_rotary_factor", 1));
    if (part == 1) return {};
    return unsupported(fmt::format("partial_rotary_factor is {}, only 1 is supported", part), "");
  };
  LODE_TRY(refuse_part(text));
  if (const auto scaling = text.get("rope_scaling")) {
    return unsupported(fmt::format("rope_scaling is {}, none is supported", scaling->text(60)), "");
  }
  const auto parameters = text.get("rope_parameters");
  if (!parameters) return {};
  if (!parameters->is(json::Kind::object)) {
    return bad("config.json", fmt::format("rope_parameters is {}, an object was expected", parameters->text(60)));
  }
  LODE_TRY(refuse_part(*parameters));
  for (const auto& [key, value] : parameters->members()) {
    const bool is_type = key == "rope_type" || key == "type";
    if (key == "rope_theta" || key == "partial_rotary_factor" || value.is(json::Kind::null)) continue;
    if (is_type && value.as_string() == "default") continue;
    return unsupported(fmt::format("rope_parameters has {} {}, only a rope_theta of type \"default\" is supported", key,
                                   value.text(60)),
                       "");
  }
  const bool twice = text.get("rope_theta").has_value();
  LODE_ASSIGN(const double theta, read_positive(*parameters, "rope_theta", config.rope_theta));
  if (twice && theta != config.rope_theta) {
    return bad("config.json",
               fmt::format("rope_theta is {}, but that of rope_parameters is {}", config.rope_theta, theta));
  }
  config.rope_theta = theta;
  return {};
}

Status read_mistral(json::Value text, ModelConfig& config) {
  LODE_ASSIGN(config.d_model, read_int(text, "hidden_size", 1, 65536));
  LODE_ASSIGN(config.d_ff, read_int(text, "intermediate_size", 1, 1 << 20));
  LODE_ASSIGN(config.n_layers, read_int(text, "num_hidden_layers", 1, 1024));
  LODE_ASSIGN(config.n_heads, read_int(text, "num_attention_heads", 1, 4096));
  LODE_ASSIGN(config.n_kv_heads, read_int(text, "num_key_value_heads", 1, 4096, config.n_heads));
  LODE_ASSIGN(config.vocab_size, read_int(text, "vocab_size", 1, 1 << 24));
  LODE_ASSIGN(config.max_positions, read_int(text, "max_position_embeddings", 1, int64_t{1} << 30, 32768));
  LODE_ASSIGN(config.norm_eps, read_positive(text, "rms_norm_eps", 1e-6));
  LODE_ASSIGN(config.rope_theta, read_positive(text, "rope_theta", kRopeTheta));
  if (config.n_heads % config.n_kv_heads != 0) {
    return bad("config.json", fmt::format("num_attention_heads {} is not a multiple of num_key_value_heads {}",
                                          config.n_heads, config.n_kv_heads));
  }
  if (!text.get("head_dim") && config.d_model % config.n_heads != 0) {
    return bad("config.json", fmt::format("hidden_size {} is not a multiple of num_attention_heads {}", config.d_model,
                                          config.n_heads));
  }
  LODE_ASSIGN(config.head_dim, read_int(text, "head_dim", 2, 4096, config.d_model / config.n_heads));
  if (config.head_dim % 2 != 0) {
    return bad("config.json",
               fmt::format("the head dimension is {}, rotary embedding needs an even one", config.head_dim));
  }
  LODE_TRY(expect_string(text, "hidden_act", "silu", "silu"));
  LODE_TRY(read_rotary(text, config));
  LODE_ASSIGN(const auto bias, read_bool(text, "attention_bias", "config.json"));
  if (bias.value_or(false)) return unsupported("attention_bias is true, only models without it are supported", "");
  return {};
}

Status read_latent(json::Value root, ModelConfig& config) {
  // The published file carries only the block's model_type; every value is then the class default
  // (configuration_nvembed.py).
  const auto latent = root.get("latent_attention_config");
  if (!latent || !latent->is(json::Kind::object)) {
    return bad("config.json", "latent_attention_config is missing, an object was expected");
  }
  LODE_ASSIGN(config.n_latents, read_int(*latent, "num_latents_value", 1, 1 << 16, 512));
  LODE_ASSIGN(config.n_cross_heads, read_int(*latent, "num_cross_heads", 1, 1024, 8));
  LODE_ASSIGN(config.cross_head_dim, read_int(*latent, "cross_dim_head", 1, 1 << 16, 4096));
  for (const std::string_view key : {"hidden_dim", "latent_dim"}) {
    LODE_ASSIGN(const int64_t dim, read_int(*latent, key, 1, 65536, 4096));
    if (dim != config.d_model) {
      return bad("config.json",
                 fmt::format("latent_attention_config.{} is {}, but hidden_size is {}", key, dim, config.d_model));
    }
  }
  LODE_ASSIGN(const auto normalize, read_bool(*latent, "output_normalize", "config.json"));
  config.normalize = normalize.value_or(true);
  LODE_ASSIGN(const auto mask, read_bool(root, "is_mask_instruction", "config.json"));
  config.pool_instruction = !mask.value_or(true);
  return {};
}

Status read_bert(json::Value root, ModelConfig& config) {
  LODE_ASSIGN(config.d_model, read_int(root, "hidden_size", 1, 65536));
  LODE_ASSIGN(config.d_ff, read_int(root, "intermediate_size", 1, 1 << 20));
  LODE_ASSIGN(config.n_layers, read_int(root, "num_hidden_layers", 1, 1024));
  LODE_ASSIGN(config.n_heads, read_int(root, "num_attention_heads", 1, 4096));
  LODE_ASSIGN(config.vocab_size, read_int(root, "vocab_size", 1, 1 << 24));
  LODE_ASSIGN(config.max_positions, read_int(root, "max_position_embeddings", 1, 1 << 24));
  LODE_ASSIGN(config.n_token_types, read_int(root, "type_vocab_size", 1, 1 << 16, 2));
  LODE_ASSIGN(config.norm_eps, read_positive(root, "layer_norm_eps", 1e-12));
  if (config.d_model % config.n_heads != 0) {
    return bad("config.json", fmt::format("hidden_size {} is not a multiple of num_attention_heads {}", config.d_model,
                                          config.n_heads));
  }
  config.n_kv_heads = config.n_heads;
  config.head_dim = config.d_model / config.n_heads;
  LODE_TRY(expect_string(root, "hidden_act", "gelu", "gelu"));
  LODE_TRY(expect_string(root, "position_embedding_type", "absolute", "absolute"));
  return {};
}

// 1_Pooling/config.json: exactly one mode that we have.
Status read_pooling(json::Value pooling, std::string_view file, ModelConfig& config) {
  struct Mode {
    std::string_view key;
    std::optional<Pooling> pooling;
  };
  constexpr std::array kModes = {
      Mode{"pooling_mode_cls_token", Pooling::cls},
      Mode{"pooling_mode_mean_tokens", Pooling::mean},
      Mode{"pooling_mode_lasttoken", Pooling::last_token},
      Mode{"pooling_mode_max_tokens", std::nullopt},
      Mode{"pooling_mode_mean_sqrt_len_tokens", std::nullopt},
      Mode{"pooling_mode_weightedmean_tokens", std::nullopt},
  };
  int n_modes = 0;
  for (const Mode& mode : kModes) {
    LODE_ASSIGN(const auto on, read_bool(pooling, mode.key, file));
    if (!on.value_or(false)) continue;
    if (!mode.pooling) {
      return fail(Code::unsupported, fmt::format("{}: {} is not supported", file, mode.key),
                  "Supported are the mean, the [CLS] token and the last token.");
    }
    config.pooling = *mode.pooling;
    ++n_modes;
  }
  if (n_modes != 1) {
    return fail(Code::unsupported, fmt::format("{}: {} pooling modes are on, exactly one was expected", file, n_modes),
                "");
  }
  LODE_ASSIGN(const auto include_prompt, read_bool(pooling, "include_prompt", file));
  config.pool_instruction = include_prompt.value_or(true);
  LODE_ASSIGN(const int64_t dim, read_int(pooling, "word_embedding_dimension", 1, 65536, config.d_model, file));
  if (dim != config.d_model) {
    return bad(file, fmt::format("word_embedding_dimension is {}, but hidden_size is {}", dim, config.d_model));
  }
  return {};
}

// modules.json of a sentence-transformers release: Transformer, Pooling, perhaps Normalize.
Status read_modules(const weights::Checkpoint& checkpoint, ModelConfig& config) {
  LODE_ASSIGN(const auto modules, checkpoint.sidecar("modules.json"));
  if (!modules) return {};
  if (!modules->is(json::Kind::array)) return bad("modules.json", "a list of modules was expected");
  config.normalize = false;
  for (const json::Value module : modules->items()) {
    const auto type_value = module.get("type");
    const auto type = type_value ? type_value->as_string() : std::nullopt;
    if (!type) return bad("modules.json", fmt::format("a module without a type: {}", module.text(80)));
    const std::string_view kind = type->substr(type->rfind('.') == std::string_view::npos ? 0 : type->rfind('.') + 1);
    if (kind == "Transformer") continue;
    if (kind == "Normalize") {
      config.normalize = true;
    } else if (kind == "Pooling") {
      const auto path_value = module.get("path");
      const auto path = path_value ? path_value->as_string() : std::nullopt;
      const std::string file = fmt::format("{}/config.json", path.value_or("1_Pooling"));
      LODE_ASSIGN(const auto pooling, checkpoint.sidecar(file));
      if (!pooling) return bad("modules.json", fmt::format("it names {}, which is not there", file));
      LODE_TRY(read_pooling(*pooling, file, config));
    } else {
      return fail(Code::unsupported, fmt::format("modules.json: module {} is not supported", *type),
                  "Supported are Transformer, Pooling and Normalize.");
    }
  }
  return {};
}

Status read_prompts(const weights::Checkpoint& checkpoint, const Family& family, ModelConfig& config) {
  config.prompts.task_template = family.task_template;
  if (!family.query_task.empty()) {
    config.prompts.query = family.task_template;
    config.prompts.query.replace(config.prompts.query.find("{task}"), 6, family.query_task);
  }
  LODE_ASSIGN(const auto file, checkpoint.sidecar("config_sentence_transformers.json"));
  const auto prompts = file ? file->get("prompts") : std::nullopt;
  if (!prompts) return {};
  for (const auto& [key, value] : prompts->members()) {
    const auto text = value.as_string();
    if (!text) return bad("config_sentence_transformers.json", fmt::format("prompt \"{}\" is not a string", key));
    if (key == "query") config.prompts.query = *text;
    if (key == "passage" || key == "document") config.prompts.passage = *text;
  }
  return {};
}

Status read_max_tokens(const weights::Checkpoint& checkpoint, const Family& family, ModelConfig& config) {
  const int64_t limit = config.max_positions;
  config.max_tokens = family.default_max_tokens == 0 ? limit : std::min(family.default_max_tokens, limit);
  LODE_ASSIGN(const auto file, checkpoint.sidecar("sentence_bert_config.json"));
  if (!file) return {};
  LODE_ASSIGN(config.max_tokens,
              read_int(*file, "max_seq_length", 1, int64_t{1} << 30, config.max_tokens, "sentence_bert_config.json"));
  config.max_tokens = std::min(config.max_tokens, limit);
  return {};
}

}  // namespace

std::string_view name(Architecture architecture) {
  return architecture == Architecture::bert ? "bert" : "mistral";
}

std::string_view name(Attention attention) {
  return attention == Attention::causal ? "causal" : "bidirectional";
}

std::string_view name(Pooling pooling) {
  switch (pooling) {
    case Pooling::mean: return "mean";
    case Pooling::latent_attention: return "latent attention";
    case Pooling::last_token: return "last token";
    case Pooling::cls: return "cls";
  }
  return "?";
}

Result<ModelConfig> read_config(const weights::Checkpoint& checkpoint) {
  const json::Value root = checkpoint.config();
  const auto type_value = root.get("model_type");
  const auto type = type_value ? type_value->as_string() : std::nullopt;
  if (!type) return bad("config.json", "model_type is missing, a string was expected");
  const Family* family = nullptr;
  std::string known;
  for (const Family& row : kFamilies) {
    if (row.model_type == *type) family = &row;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", row.model_type);
  }
  if (family == nullptr)
    return unsupported(fmt::format("model_type \"{}\" is not supported", *type), "Supported are " + known + ".");

  ModelConfig config;
  config.family = family->name;
  config.architecture = family->architecture;
  config.attention = family->attention;
  config.pooling = family->pooling;
  config.normalize = family->normalize;
  config.pool_instruction = family->pool_instruction;
  config.append_eos_text = family->append_eos_text;
  if (family->architecture == Architecture::bert) {
    LODE_TRY(read_bert(root, config));
    LODE_TRY(read_modules(checkpoint, config));
  } else if (family->pooling == Pooling::latent_attention) {
    const auto text = root.get("text_config");
    if (!text || !text->is(json::Kind::object))
      return bad("config.json", "text_config is missing, an object was expected");
    LODE_TRY(read_mistral(*text, config));
    LODE_TRY(read_latent(root, config));
  } else {
    LODE_TRY(read_mistral(root, config));
    LODE_TRY(read_modules(checkpoint, config));
    if (config.pooling == Pooling::cls && config.attention == Attention::causal) {
      return fail(Code::unsupported, "the pooling is that of the first token, but attention is causal",
                  "The first token sees only itself: every text would have the same vector.");
    }
  }
  LODE_TRY(read_prompts(checkpoint, *family, config));
  LODE_TRY(read_max_tokens(checkpoint, *family, config));
  return config;
}

}  // namespace lode::model
