#include "weights/gguf_model.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "base/gguf_keys.h"
#include "weights/rounded_tensors.h"
#include "weights/safetensors.h"

namespace lode::weights {
namespace {

using gguf::Keys;

Result<int64_t> rows_of(const Keys& keys, std::string_view tensor) {
  const auto found = std::ranges::find(keys.file().tensors, tensor, &gguf::TensorInfo::name);
  if (found != keys.file().tensors.end() && found->dims.size() == 2) return found->dims[1];
  return fail(Code::corrupt, fmt::format("{}: tensor {} of two dimensions is missing", keys.what(), shown(tensor)),
              "The file holds no whole model: use the whole file, or merge its parts");
}

// Rotary scaling. llama.cpp takes a factor without a type for a linear one.
Status refuse_scaling(const Keys& keys) {
  const gguf::Value* const scaling = keys.find("rope.scaling.type");
  if (scaling != nullptr) {
    const auto text = scaling->as_string();
    if (!text || *text != "none") return keys.refused("rope.scaling.type", shown(text.value_or("?")), "none");
  }
  // A number that leaves everything as it is; llama.cpp reads a factor of 0 as none.
  for (const std::string_view key : {"rope.scaling.factor", "rope.scale_linear"}) {
    LODE_ASSIGN(const auto factor, keys.number(key));
    if (scaling == nullptr && factor.value_or(1) != 1 && *factor != 0) {
      return keys.refused(key, fmt::to_string(*factor), "1, or a rope.scaling.type of none");
    }
  }
  LODE_ASSIGN(const auto attention_factor, keys.number("rope.scaling.attn_factor"));
  if (attention_factor.value_or(1) != 1) {
    return keys.refused("rope.scaling.attn_factor", fmt::to_string(*attention_factor), "1");
  }
  return {};
}

// What a llama.cpp model may be and ours are not.
Status refuse_variants(const Keys& keys, int64_t head_dim) {
  LODE_TRY(refuse_scaling(keys));
  LODE_ASSIGN(const auto experts, keys.integer("expert_count"));
  if (experts.value_or(0) > 0) return keys.refused("expert_count", fmt::to_string(*experts), "0");
  LODE_ASSIGN(const auto rotated, keys.integer("rope.dimension_count"));
  if (rotated && *rotated != head_dim) {
    return keys.refused("rope.dimension_count", fmt::to_string(*rotated), fmt::format("{}, all of a head", head_dim));
  }
  LODE_ASSIGN(const auto value_dim, keys.integer("attention.value_length"));
  if (value_dim && *value_dim != head_dim) {
    return keys.refused("attention.value_length", fmt::to_string(*value_dim), fmt::format("{}, as keys", head_dim));
  }
  return {};
}

Result<int64_t> head_dim_of(const Keys& keys) {
  LODE_ASSIGN(const auto key_length, keys.integer("attention.key_length"));
  LODE_ASSIGN(const int64_t d_model, keys.needed_integer("embedding_length"));
  LODE_ASSIGN(const int64_t n_heads, keys.needed_integer("attention.head_count"));
  if (n_heads < 1) return keys.refused("attention.head_count", fmt::to_string(n_heads), "at least 1");
  const int64_t head_dim = key_length.value_or(d_model / n_heads);
  if (head_dim < 2 || head_dim % 2 != 0 || head_dim > 4096) {
    return keys.refused("attention.key_length", fmt::to_string(head_dim), "an even number from 2 to 4096");
  }
  return head_dim;
}

Result<bool> is_causal(const Keys& keys, GgufArchitecture architecture) {
  LODE_ASSIGN(const auto causal, keys.flag("attention.causal"));
  return causal.value_or(architecture == GgufArchitecture::llama);
}

Result<std::string> bert_config(const Keys& keys) {
  LODE_ASSIGN(const int64_t d_model, keys.needed_integer("embedding_length"));
  LODE_ASSIGN(const int64_t d_ff, keys.needed_integer("feed_forward_length"));
  LODE_ASSIGN(const int64_t n_layers, keys.needed_integer("block_count"));
  LODE_ASSIGN(const int64_t n_heads, keys.needed_integer("attention.head_count"));
  LODE_ASSIGN(const auto eps, keys.number("attention.layer_norm_epsilon"));
  LODE_ASSIGN(const auto causal, keys.flag("attention.causal"));
  if (causal.value_or(false)) return keys.refused("attention.causal", "true", "false");
  LODE_ASSIGN(const int64_t n_positions, rows_of(keys, "position_embd.weight"));
  LODE_ASSIGN(const int64_t n_types, rows_of(keys, "token_types.weight"));
  LODE_ASSIGN(const int64_t vocab_size, rows_of(keys, "token_embd.weight"));
  return fmt::format(R"({{"model_type":"bert","hidden_act":"gelu","hidden_size":{},"intermediate_size":{},)"
                     R"("num_hidden_layers":{},"num_attention_heads":{},"layer_norm_eps":{},)"
                     R"("max_position_embeddings":{},"type_vocab_size":{},"vocab_size":{}}})",
                     d_model, d_ff, n_layers, n_heads, eps.value_or(1e-12), n_positions, n_types, vocab_size);
}

Result<std::string> llama_config(const Keys& keys, GgufArchitecture architecture) {
  LODE_ASSIGN(const int64_t d_model, keys.needed_integer("embedding_length"));
  LODE_ASSIGN(const int64_t d_ff, keys.needed_integer("feed_forward_length"));
  LODE_ASSIGN(const int64_t n_layers, keys.needed_integer("block_count"));
  LODE_ASSIGN(const int64_t n_heads, keys.needed_integer("attention.head_count"));
  LODE_ASSIGN(const auto n_kv_heads, keys.integer("attention.head_count_kv"));
  LODE_ASSIGN(const int64_t n_positions, keys.needed_integer("context_length"));
  LODE_ASSIGN(const int64_t head_dim, head_dim_of(keys));
  LODE_ASSIGN(const double eps, keys.needed_number("attention.layer_norm_rms_epsilon"));
  LODE_ASSIGN(const auto theta, keys.number("rope.freq_base"));
  LODE_ASSIGN(const int64_t vocab_size, rows_of(keys, "token_embd.weight"));
  LODE_ASSIGN(const bool causal, is_causal(keys, architecture));
  LODE_TRY(refuse_variants(keys, head_dim));
  return fmt::format(R"({{"model_type":"{}","hidden_act":"silu","hidden_size":{},"intermediate_size":{},)"
                     R"("num_hidden_layers":{},"num_attention_heads":{},"num_key_value_heads":{},"head_dim":{},)"
                     R"("max_position_embeddings":{},"rms_norm_eps":{},"rope_theta":{},"vocab_size":{}}})",
                     causal ? "mistral" : "mistralbidirectional", d_model, d_ff, n_layers, n_heads,
                     n_kv_heads.value_or(n_heads), head_dim, n_positions, eps, theta.value_or(10000.0), vocab_size);
}

// config.json and the sidecars of a file that another tool made. llama.cpp does not say whether vectors are
// normalised; its own tools do it unless told otherwise, and so it is here.
Status make_files(const Keys& keys, GgufModel& model) {
  if (model.architecture == GgufArchitecture::nv_embed) {
    return fail(
        Code::corrupt,
        fmt::format("{}: {}config.json is missing in a file of architecture nv-embed", keys.what(), gguf::kCarriedFile),
        "Convert the model again with `lode convert`");
  }
  if (model.architecture == GgufArchitecture::bert) {
    LODE_ASSIGN(model.files["config.json"], bert_config(keys));
  } else {
    LODE_ASSIGN(model.files["config.json"], llama_config(keys, model.architecture));
  }
  LODE_ASSIGN(const auto pooling, keys.integer("pooling_type"));
  LODE_ASSIGN(const bool causal, is_causal(keys, model.architecture));
  // 0, "none", leaves it to the caller: then the family's own.
  const std::array<std::string_view, 4> modes = {causal ? "lasttoken" : "mean_tokens", "mean_tokens", "cls_token",
                                                 "lasttoken"};
  if (pooling && (*pooling < 0 || *pooling >= std::ssize(modes))) {
    return keys.refused("pooling_type", fmt::to_string(*pooling), "1 (mean), 2 (first) or 3 (last)");
  }
  const std::string_view mode = modes[static_cast<size_t>(pooling.value_or(0))];
  model.files["modules.json"] =
      R"([{"type":"Transformer"},{"type":"Pooling","path":"1_Pooling"},{"type":"Normalize"}])";
  model.files["1_Pooling/config.json"] = fmt::format(R"({{"pooling_mode_{}":true}})", mode);
  return {};
}

Status read_tensors(const Keys& keys, GgufModel& model) {
  int64_t head_dim = 0;
  if (has_interleaved_rows(model.architecture)) {
    LODE_ASSIGN(head_dim, head_dim_of(keys));
  }
  LODE_ASSIGN(const std::vector<RoundedTensor> rounded, read_rounded_tensors(keys.file(), keys.what()));
  for (const gguf::TensorInfo& info : keys.file().tensors) {
    if (is_unused_gguf_tensor(info.name)) continue;
    auto published = from_gguf_name(model.architecture, info.name);
    if (!published) {
      return fail(Code::unsupported,
                  fmt::format("{}: tensor {} is none of a model of architecture {}", keys.what(), shown(info.name),
                              name(model.architecture)),
                  "Lodestone would compute something else than the model's authors did, so it refuses");
    }
    GgufModel::Tensor tensor{.name = std::move(*published),
                             .type = info.type->name,
                             .shape = std::vector<int64_t>(info.dims.rbegin(), info.dims.rend()),
                             .begin = keys.file().data_start + info.offset,
                             .n_bytes = info.n_bytes};
    if (const auto found = std::ranges::find(rounded, info.name, &RoundedTensor::name); found != rounded.end()) {
      tensor.shape = {found->rows, found->columns};
      tensor.packing = found->packing;
      tensor.group = found->group;
    } else if (head_dim != 0 && is_rotated(tensor.name)) {
      if (tensor.shape.size() != 2 || tensor.shape[0] % head_dim != 0) {
        return fail(Code::corrupt,
                    fmt::format("{}: tensor {} has shape {}, expected rows of whole heads of {}", keys.what(),
                                shown(info.name), shape_text(tensor.shape), head_dim),
                    "The file's metadata and its tensors are of different models");
      }
      tensor.interleaved = head_dim;
    }
    model.tensors.push_back(std::move(tensor));
  }
  return {};
}

}  // namespace

Result<GgufModel> read_gguf_model(const gguf::File& file, std::string_view what) {
  const gguf::Value* const value = file.find("general.architecture");
  const auto text = value != nullptr ? value->as_string() : std::nullopt;
  if (!text) {
    return fail(Code::corrupt, fmt::format("{}: general.architecture is missing, a string was expected", what),
                "The file holds no model, or is damaged");
  }
  const auto architecture = find_gguf_architecture(*text);
  if (!architecture) {
    return fail(Code::unsupported,
                fmt::format("{}: general.architecture is {}, expected bert, llama, llama-embed or nv-embed", what,
                            shown(*text)),
                "Lodestone reads the embedding models of docs/formats.md");
  }
  if (const gguf::Value* const split = file.find("split.count"); split != nullptr && split->as_int().value_or(2) > 1) {
    return fail(Code::unsupported, fmt::format("{} is one of several parts, expected a whole model", what),
                "Merge the parts, for example with llama-gguf-split --merge");
  }
  GgufModel model;
  model.architecture = *architecture;
  for (const gguf::File::Pair& pair : file.pairs) {
    if (!pair.key.starts_with(gguf::kCarriedFile)) continue;
    const gguf::Value& content = pair.value;
    const bool bytes = content.kind == gguf::Kind::array && content.element == gguf::Kind::u8;
    if (content.kind != gguf::Kind::string && !bytes) {
      return fail(Code::corrupt,
                  fmt::format("{}: {} is {}, expected a string or bytes", what, shown(pair.key), content.kind_text()),
                  "Convert the model again with `lode convert`");
    }
    if (bytes) continue;  // the tokenizer's
    model.files.emplace(pair.key.substr(gguf::kCarriedFile.size()), *content.as_string());
  }
  const Keys keys(file, what, fmt::format("{}.", name(*architecture)));
  if (!model.files.contains("config.json")) LODE_TRY(make_files(keys, model));
  LODE_TRY(read_tensors(keys, model));
  return model;
}

}  // namespace lode::weights
