// Any bytes as one GGUF file: its head, then the model and the tokenizer in it. What is accepted must lie in the file,
// aligned, with every size that of its shape.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/gguf.h"
#include "text/gguf_tokenizer.h"
#include "weights/gguf_model.h"
#include "weights/rounded_tensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lode;
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto file = gguf::parse(bytes, "fuzz.gguf");
  if (!file) {
    LODE_CHECK(file.error().message.size() < 1500);
    return 0;
  }
  unsigned sum = 0;
  for (const gguf::TensorInfo& tensor : file->tensors) {
    int64_t n_elements = 1;
    for (const int64_t dim : tensor.dims) n_elements *= dim;  // the sanitizer traps an overflow
    LODE_CHECK(static_cast<uint64_t>(n_elements / tensor.type->block * tensor.type->bytes) == tensor.n_bytes);
    LODE_CHECK(tensor.offset % file->alignment == 0);
    const uint64_t begin = file->data_start + tensor.offset;
    LODE_CHECK(begin <= size && tensor.n_bytes <= size - begin);
    for (const std::byte b : bytes.subspan(begin, tensor.n_bytes)) sum += static_cast<unsigned>(b);
  }
  for (const gguf::File::Pair& pair : file->pairs) {
    LODE_CHECK(file->find(pair.key) != nullptr);
    sum += static_cast<unsigned>(pair.value.as_int().value_or(1));
    for (const std::string_view text : pair.value.as_strings().value_or(std::vector<std::string_view>{})) {
      for (const char c : text) sum += static_cast<unsigned char>(c);
    }
    sum += static_cast<unsigned>(pair.value.as_ints().value_or(std::vector<int64_t>{}).size());
    sum += static_cast<unsigned>(pair.value.as_floats().value_or(std::vector<float>{}).size());
  }
  for (int64_t version = 1; version <= weights::kRoundedVersion; ++version) {
    const auto rounded = weights::list_rounded_tensors(*file, version, "fuzz.gguf");
    if (!rounded) continue;
    for (const weights::RoundedTensor& tensor : *rounded) {
      const auto info = std::ranges::find(file->tensors, tensor.name, &gguf::TensorInfo::name);
      LODE_CHECK(info != file->tensors.end() && static_cast<int64_t>(info->n_bytes) == tensor.n_bytes());
      LODE_CHECK((file->data_start + info->offset) % sizeof(float) == 0);
      LODE_CHECK(tensor.group >= 32 && tensor.group <= 4096 && tensor.group % 32 == 0);
    }
  }
  if (const auto model = weights::read_gguf_model(*file, "fuzz.gguf")) LODE_CHECK(model->files.contains("config.json"));
  if (const auto tokenizer = text::read_gguf_tokenizer(*file, "fuzz.gguf")) {
    std::vector<text::TokenId> ids;
    (*tokenizer)->encode("Hello w\xC3\xB6rld \xFF!", ids);
    for (const text::TokenId id : ids) LODE_CHECK(id >= 0 && id < (*tokenizer)->vocab_size());
  }
  return sum == 0xFFFFFFFF ? -1 : 0;
}
