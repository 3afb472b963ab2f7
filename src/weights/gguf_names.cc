#include "weights/gguf_names.h"

#include <array>
#include <span>

#include <fmt/format.h>

namespace lode::weights {
namespace {

struct Row {
  std::string_view gguf;
  std::string_view published;
};

// Of the whole model, then of a layer ("{}" is its number); what comes behind (".weight", ".bias") stays as it is.
constexpr std::array kBert = {
    Row{"token_embd", "embeddings.word_embeddings"},
    Row{"position_embd", "embeddings.position_embeddings"},
    Row{"token_types", "embeddings.token_type_embeddings"},
    Row{"token_embd_norm", "embeddings.LayerNorm"},
    Row{"blk.{}.attn_q", "encoder.layer.{}.attention.self.query"},
    Row{"blk.{}.attn_k", "encoder.layer.{}.attention.self.key"},
    Row{"blk.{}.attn_v", "encoder.layer.{}.attention.self.value"},
    Row{"blk.{}.attn_output", "encoder.layer.{}.attention.output.dense"},
    Row{"blk.{}.attn_output_norm", "encoder.layer.{}.attention.output.LayerNorm"},
    Row{"blk.{}.ffn_up", "encoder.layer.{}.intermediate.dense"},
    Row{"blk.{}.ffn_down", "encoder.layer.{}.output.dense"},
    Row{"blk.{}.layer_output_norm", "encoder.layer.{}.output.LayerNorm"},
};
constexpr std::array kLlama = {
    Row{"token_embd", "embed_tokens"},
    Row{"output_norm", "norm"},
    Row{"blk.{}.attn_norm", "layers.{}.input_layernorm"},
    Row{"blk.{}.ffn_norm", "layers.{}.post_attention_layernorm"},
    Row{"blk.{}.attn_q", "layers.{}.self_attn.q_proj"},
    Row{"blk.{}.attn_k", "layers.{}.self_attn.k_proj"},
    Row{"blk.{}.attn_v", "layers.{}.self_attn.v_proj"},
    Row{"blk.{}.attn_output", "layers.{}.self_attn.o_proj"},
    Row{"blk.{}.ffn_gate", "layers.{}.mlp.gate_proj"},
    Row{"blk.{}.ffn_up", "layers.{}.mlp.up_proj"},
    Row{"blk.{}.ffn_down", "layers.{}.mlp.down_proj"},
};
constexpr std::array kLatent = {
    Row{"latents.weight", "latent_attention_model.latents"},
    Row{"cross_attn_norm", "latent_attention_model.cross_attend_blocks.0.norm"},
    Row{"cross_context_norm", "latent_attention_model.cross_attend_blocks.0.norm_context"},
    Row{"cross_attn_q", "latent_attention_model.cross_attend_blocks.0.fn.to_q"},
    Row{"cross_attn_kv", "latent_attention_model.cross_attend_blocks.0.fn.to_kv"},
    Row{"cross_attn_output", "latent_attention_model.cross_attend_blocks.0.fn.to_out"},
    Row{"cross_attn_scores", "latent_attention_model.folded_scores"},
    Row{"cross_attn_values", "latent_attention_model.folded_values"},
    Row{"cross_ffn_norm", "latent_attention_model.cross_attend_blocks.1.norm"},
    Row{"cross_ffn_up", "latent_attention_model.cross_attend_blocks.1.fn.net.0"},
    Row{"cross_ffn_down", "latent_attention_model.cross_attend_blocks.1.fn.net.2"},
};

constexpr std::array<std::string_view, 4> kNames = {"bert", "llama", "llama-embed", "nv-embed"};

struct Tables {
  std::span<const Row> first;
  std::span<const Row> second;
};
Tables tables_of(GgufArchitecture architecture) {
  if (architecture == GgufArchitecture::bert) return {kBert, {}};
  return {kLlama, architecture == GgufArchitecture::nv_embed ? std::span<const Row>(kLatent) : std::span<const Row>{}};
}

// `name` by a pattern: what "{}" stands for (digits, without a leading zero) and what comes behind, ".weight" or
// ".bias"; or a whole name without either.
struct Match {
  std::string_view layer;
  std::string_view rest;
};
std::optional<Match> match(std::string_view name, std::string_view pattern) {
  Match out;
  const size_t hole = pattern.find("{}");
  if (hole != std::string_view::npos) {
    if (!name.starts_with(pattern.substr(0, hole))) return std::nullopt;
    name.remove_prefix(hole);
    const size_t n = std::min(name.find_first_not_of("0123456789"), name.size());
    if (n == 0 || n > 4 || (n > 1 && name.front() == '0')) return std::nullopt;
    out.layer = name.substr(0, n);
    name.remove_prefix(n);
    pattern.remove_prefix(hole + 2);
  }
  if (!name.starts_with(pattern)) return std::nullopt;
  out.rest = name.substr(pattern.size());
  if (out.rest.empty() || out.rest == ".weight" || out.rest == ".bias") return out;
  return std::nullopt;
}

std::string filled(std::string_view pattern, const Match& match) {
  return fmt::format(fmt::runtime(pattern), match.layer).append(match.rest);
}

std::optional<std::string> mapped(GgufArchitecture architecture, std::string_view name, std::string_view Row::* from,
                                  std::string_view Row::* to) {
  const Tables tables = tables_of(architecture);
  for (const auto table : {tables.first, tables.second}) {
    for (const Row& row : table) {
      const auto found = match(name, row.*from);
      if (!found) continue;
      const bool whole = (row.*from).ends_with(".weight") || (row.*to).ends_with(".weight");
      if (found->rest.empty() != whole) continue;
      return filled(row.*to, *found);
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view bare_name(std::string_view name) {
  for (const std::string_view prefix : kNamePrefixes) {
    if (!prefix.empty() && name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

std::string_view name(GgufArchitecture architecture) {
  return kNames[static_cast<size_t>(architecture)];
}

std::optional<GgufArchitecture> find_gguf_architecture(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<GgufArchitecture>(i);
  }
  return std::nullopt;
}

bool has_interleaved_rows(GgufArchitecture architecture) {
  return architecture == GgufArchitecture::llama || architecture == GgufArchitecture::llama_embed;
}

std::optional<std::string> from_gguf_name(GgufArchitecture architecture, std::string_view name) {
  return mapped(architecture, name, &Row::gguf, &Row::published);
}

std::optional<std::string> to_gguf_name(GgufArchitecture architecture, std::string_view name) {
  return mapped(architecture, bare_name(name), &Row::published, &Row::gguf);
}

bool is_unused_gguf_tensor(std::string_view name) {
  return name == "output.weight" || name.starts_with("cls.") || name.starts_with("pooler.");
}

bool is_unused_tensor(std::string_view name) {
  name = bare_name(name);
  return name == "lm_head.weight" || name == "embeddings.position_ids" || name == "embeddings.token_type_ids" ||
         name.starts_with("pooler.") || name.starts_with("cls.") || name.ends_with("rotary_emb.inv_freq");
}

bool is_rotated(std::string_view name) {
  return name.ends_with(".self_attn.q_proj.weight") || name.ends_with(".self_attn.k_proj.weight");
}

}  // namespace lode::weights
