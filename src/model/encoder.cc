#include "model/encoder.h"

namespace lode::model {

PooledSpan pooled_span(const ModelConfig& config, const Batch& batch, size_t i) {
  const int64_t length = batch.length(i);
  switch (config.pooling) {
    case Pooling::cls: return {0, 1};
    case Pooling::last_token: return {length - 1, length};
    case Pooling::mean:
    case Pooling::latent_attention: break;
  }
  return {batch.pool_begin[i], length};
}

}  // namespace lode::model
