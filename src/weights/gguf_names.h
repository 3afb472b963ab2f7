// Names of tensors in GGUF files and in Hugging Face's checkpoints, both ways, for the architectures that are read and
// written. "bert", "llama" and "llama-embed" are llama.cpp's (gguf-py's tensor_mapping.py); "nv-embed" is our own: the
// names of "llama" and those of the latent attention block. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lode::weights {

// What published checkpoints of one architecture put in front of their tensors' names.
inline constexpr std::array<std::string_view, 4> kNamePrefixes = {"", "model.", "embedding_model.", "bert."};
std::string_view bare_name(std::string_view name);

enum class GgufArchitecture : uint8_t { bert, llama, llama_embed, nv_embed };

std::string_view name(GgufArchitecture architecture);
std::optional<GgufArchitecture> find_gguf_architecture(std::string_view name);

// Whether rows of Q and K lie interleaved (kernels::MatrixView): llama.cpp's converter turns them for its rotary
// embedding of neighbouring pairs. Not so in our own architecture.
bool has_interleaved_rows(GgufArchitecture architecture);

// "blk.3.attn_q.weight" to "layers.3.self_attn.q_proj.weight": bare, as Checkpoint::find looks for it. Empty when it is
// none that the architecture's model is made of.
std::optional<std::string> from_gguf_name(GgufArchitecture architecture, std::string_view name);
// The other way; kNamePrefixes are taken off first.
std::optional<std::string> to_gguf_name(GgufArchitecture architecture, std::string_view name);

// Tensors that no embedding needs: the head that predicts words, a classifier.
bool is_unused_gguf_tensor(std::string_view name);
// Of the same kind in Hugging Face's checkpoints, so that leaving it out loses nothing; and tables that older versions
// of transformers saved with the weights: position ids, token type ids, the frequencies of rotary embedding.
bool is_unused_tensor(std::string_view name);

// True for the names (Hugging Face's) of the two weights whose rows are interleaved.
bool is_rotated(std::string_view name);

}  // namespace lode::weights
