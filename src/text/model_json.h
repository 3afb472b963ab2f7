// The parts of tokenizer.json that differ between families: normalizer, pre-tokenizer, model and decoder.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "text/decoder.h"
#include "text/json_fields.h"
#include "text/segment_model.h"
#include "text/vocab.h"

namespace lode::text {

struct ModelParts {
  Vocab vocab;  // of the model: added tokens come on top
  std::unique_ptr<SegmentModel> model;
};

Result<ModelParts> read_model(const JsonFields& file);
Result<ModelParts> read_bpe(const JsonFields& file, const JsonFields& model, Vocab vocab);
Result<ModelParts> read_wordpiece(const JsonFields& file, const JsonFields& model, Vocab vocab);
Result<Decoder> read_decoder(const JsonFields& file);

// "tokenizer.json: normalizer.type is NFKC, which Lodestone does not do; it does ..."
std::unexpected<Error> unsupported_type(const JsonFields& fields, std::string_view type, std::string_view known);

}  // namespace lode::text
