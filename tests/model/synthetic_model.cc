#include "synthetic_model.h"

#include <cmath>
#include <cstring>

namespace lode::model::testing {
namespace {

// A value that the dtype holds exactly, and its bytes.
std::pair<double, std::string> rounded(double value, const std::string& dtype) {
  const auto x = static_cast<float>(value);
  if (dtype == "F32") return {x, std::string(reinterpret_cast<const char*>(&x), 4)};
  uint16_t stored = 0;
  double kept = 0;
  if (dtype == "BF16") {
    uint32_t bits = 0;
    std::memcpy(&bits, &x, 4);
    bits &= 0xFFFF0000U;
    float back = 0;
    std::memcpy(&back, &bits, 4);
    stored = static_cast<uint16_t>(bits >> 16);
    kept = back;
  } else {  // F16, normal numbers only: sign, exponent, ten bits of fraction cut off
    int exponent = 0;
    const double fraction = std::frexp(std::fabs(value), &exponent);
    if (fraction == 0 || exponent < -13) return {0.0, std::string(2, '\0')};
    const auto mantissa = static_cast<uint16_t>(std::floor(fraction * 2048) - 1024);
    stored = static_cast<uint16_t>((value < 0 ? 0x8000 : 0) | (exponent + 14) << 10 | mantissa);
    kept = std::copysign(std::ldexp(1024.0 + mantissa, exponent - 11), value);
  }
  return {kept, std::string(reinterpret_cast<const char*>(&stored), 2)};
}

double gelu(double x) {
  return x / 2 * std::erfc(-x / std::sqrt(2.0));
}

void add_to(std::vector<double>& x, const std::vector<double>& y) {
  for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

std::vector<double> softmax(std::vector<double> s) {
  double top = -INFINITY;
  for (const double x : s) top = std::max(top, x);
  double total = 0;
  for (double& x : s) total += x = std::exp(x - top);
  for (double& x : s) x /= total;
  return s;
}

const std::string kCross = "latent_attention_model.cross_attend_blocks.0.";
const std::string kLatentMlp = "latent_attention_model.cross_attend_blocks.1.";

}  // namespace

SyntheticModel::SyntheticModel(SyntheticConfig config) : config_(std::move(config)), rng_(config_.seed) {
  const SyntheticConfig& c = config_;
  const int64_t d = c.d_model;
  const auto linear = [&](const std::string& name, int64_t out, int64_t in) {
    add(name, out, in, 0, 1.7 / std::sqrt(static_cast<double>(in)));
  };
  const auto vector = [&](const std::string& name, int64_t n, double center) { add(name, n, 0, center, 0.2); };
  const auto layer_norm = [&](const std::string& name) {
    vector(name + ".weight", d, 1);
    vector(name + ".bias", d, 0);
  };
  if (c.model_type == "bert") {
    add(c.prefix + "embeddings.word_embeddings.weight", c.vocab_size, d, 0, 1);
    add(c.prefix + "embeddings.position_embeddings.weight", c.max_positions, d, 0, 1);
    add(c.prefix + "embeddings.token_type_embeddings.weight", 2, d, 0, 1);
    layer_norm(c.prefix + "embeddings.LayerNorm");
    for (int64_t l = 0; l < c.n_layers; ++l) {
      const std::string p = fmt::format("{}encoder.layer.{}.", c.prefix, l);
      for (const char* part : {"query", "key", "value"}) {
        linear(fmt::format("{}attention.self.{}.weight", p, part), d, d);
        vector(fmt::format("{}attention.self.{}.bias", p, part), d, 0);
      }
      linear(p + "attention.output.dense.weight", d, d);
      vector(p + "attention.output.dense.bias", d, 0);
      layer_norm(p + "attention.output.LayerNorm");
      linear(p + "intermediate.dense.weight", c.d_ff, d);
      vector(p + "intermediate.dense.bias", c.d_ff, 0);
      linear(p + "output.dense.weight", d, c.d_ff);
      vector(p + "output.dense.bias", d, 0);
      layer_norm(p + "output.LayerNorm");
    }
  } else {
    add(c.prefix + "embed_tokens.weight", c.vocab_size, d, 0, 1);
    for (int64_t l = 0; l < c.n_layers; ++l) {
      const std::string p = fmt::format("{}layers.{}.", c.prefix, l);
      vector(p + "input_layernorm.weight", d, 1);
      vector(p + "post_attention_layernorm.weight", d, 1);
      linear(p + "self_attn.q_proj.weight", c.n_heads * c.head_dim, d);
      linear(p + "self_attn.k_proj.weight", c.n_kv_heads * c.head_dim, d);
      linear(p + "self_attn.v_proj.weight", c.n_kv_heads * c.head_dim, d);
      linear(p + "self_attn.o_proj.weight", d, c.n_heads * c.head_dim);
      linear(p + "mlp.gate_proj.weight", c.d_ff, d);
      linear(p + "mlp.up_proj.weight", c.d_ff, d);
      linear(p + "mlp.down_proj.weight", d, c.d_ff);
    }
    vector(c.prefix + "norm.weight", d, 1);
  }
  if (c.model_type == "nvembed") {
    const int64_t inner = c.n_cross_heads * c.cross_head_dim;
    add("latent_attention_model.latents", c.n_latents, d, 0, 1);
    layer_norm(kCross + "norm");
    layer_norm(kCross + "norm_context");
    linear(kCross + "fn.to_q.weight", inner, d);
    linear(kCross + "fn.to_kv.weight", 2 * inner, d);
    linear(kCross + "fn.to_out.weight", d, inner);
    layer_norm(kLatentMlp + "norm");
    linear(kLatentMlp + "fn.net.0.weight", 8 * d, d);
    vector(kLatentMlp + "fn.net.0.bias", 8 * d, 0);
    linear(kLatentMlp + "fn.net.2.weight", d, 4 * d);
    vector(kLatentMlp + "fn.net.2.bias", d, 0);
  }
  write_files();
}

void SyntheticModel::add(const std::string& name, int64_t rows, int64_t columns, double center, double spread) {
  std::uniform_real_distribution<double> uniform(-spread, spread);
  Tensor tensor{rows, columns, {}};
  weights::testing::TensorSpec spec{name, config_.dtype, {rows}, {}};
  if (columns > 0) spec.shape.push_back(columns);
  for (int64_t i = 0; i < rows * std::max<int64_t>(columns, 1); ++i) {
    const auto [value, bytes] = rounded(center + uniform(rng_), config_.dtype);
    tensor.values.push_back(value);
    spec.data += bytes;
  }
  tensors_[name] = std::move(tensor);
  specs_.push_back(std::move(spec));
}

void SyntheticModel::write_files() {
  const SyntheticConfig& c = config_;
  const std::string sizes = fmt::format(
      R"("hidden_size":{},"intermediate_size":{},"num_hidden_layers":{},"num_attention_heads":{},"vocab_size":{},"max_position_embeddings":{})",
      c.d_model, c.d_ff, c.n_layers, c.n_heads, c.vocab_size, c.max_positions);
  const std::string mistral =
      fmt::format(R"({},"num_key_value_heads":{},"head_dim":{},"hidden_act":"silu","rms_norm_eps":{},"rope_theta":{})",
                  sizes, c.n_kv_heads, c.head_dim, c.eps, c.rope_theta);
  if (c.model_type == "nvembed") {
    folder_.write("config.json",
                  fmt::format(R"({{"model_type":"nvembed","latent_attention_config":{{"model_type":"latent_attention",)"
                              R"("num_latents_value":{},"num_cross_heads":{},"cross_dim_head":{},"hidden_dim":{},)"
                              R"("latent_dim":{}}},"text_config":{{{}}}}})",
                              c.n_latents, c.n_cross_heads, c.cross_head_dim, c.d_model, c.d_model, mistral));
  } else if (c.model_type == "bert") {
    folder_.write("config.json",
                  fmt::format(R"({{"model_type":"bert",{},"hidden_act":"gelu","layer_norm_eps":{}}})", sizes, c.eps));
  } else {
    folder_.write("config.json", fmt::format(R"({{"model_type":"{}",{}}})", c.model_type, mistral));
  }
  if (c.model_type != "nvembed") {
    folder_.write("modules.json", R"([{"type":"sentence_transformers.models.Transformer","path":""},)"
                                  R"({"type":"sentence_transformers.models.Pooling","path":"1_Pooling"},)"
                                  R"({"type":"sentence_transformers.models.Normalize","path":"2_Normalize"}])");
    folder_.write(
        "1_Pooling/config.json",
        fmt::format(R"({{"pooling_mode_cls_token":{},"pooling_mode_mean_tokens":{},"pooling_mode_lasttoken":{}}})",
                    c.pooling == "cls", c.pooling == "mean", c.pooling == "lasttoken"));
  }
  folder_.write("model.safetensors", weights::testing::safetensors_of(specs_));
}

void SyntheticModel::change(const std::function<void(std::vector<weights::testing::TensorSpec>&)>& how) {
  std::vector<weights::testing::TensorSpec> specs = specs_;
  how(specs);
  folder_.write("model.safetensors", weights::testing::safetensors_of(specs));
}

double SyntheticModel::at(const std::string& name, int64_t row, int64_t column) const {
  const Tensor& tensor = tensors_.at(name);
  return tensor.values[static_cast<size_t>(row * std::max<int64_t>(tensor.columns, 1) + column)];
}

std::vector<double> SyntheticModel::linear(const std::string& name, const std::vector<double>& x) const {
  const Tensor& w = tensors_.at(name + ".weight");
  const auto bias = tensors_.find(name + ".bias");
  std::vector<double> y(static_cast<size_t>(w.rows), 0.0);
  for (int64_t r = 0; r < w.rows; ++r) {
    double sum = bias == tensors_.end() ? 0 : bias->second.values[static_cast<size_t>(r)];
    for (int64_t c = 0; c < w.columns; ++c)
      sum += w.values[static_cast<size_t>(r * w.columns + c)] * x[static_cast<size_t>(c)];
    y[static_cast<size_t>(r)] = sum;
  }
  return y;
}

std::vector<double> SyntheticModel::norm(const std::string& name, const std::vector<double>& x, bool layer) const {
  const double n = static_cast<double>(x.size());
  double mean = 0;
  if (layer) {
    for (const double v : x) mean += v / n;
  }
  double variance = 0;
  for (const double v : x) variance += (v - mean) * (v - mean) / n;
  // NV-Embed's latent block has torch's default epsilon whatever config.json says.
  const double eps = name.starts_with("latent") ? 1e-5 : config_.eps;
  std::vector<double> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const auto column = static_cast<int64_t>(i);
    y[i] = (x[i] - mean) / std::sqrt(variance + eps) * at(name + ".weight", column, 0);
    if (layer) y[i] += at(name + ".bias", column, 0);
  }
  return y;
}

SyntheticModel::Matrix SyntheticModel::attend(const Matrix& q, const Matrix& k, const Matrix& v) const {
  const bool bert = config_.model_type == "bert";
  const int64_t dim = bert ? config_.d_model / config_.n_heads : config_.head_dim;
  const int64_t n_kv_heads = bert ? config_.n_heads : config_.n_kv_heads;
  Matrix out(q.size(), std::vector<double>(q[0].size(), 0.0));
  for (size_t i = 0; i < q.size(); ++i) {
    const size_t n_keys = config_.model_type == "mistral" ? i + 1 : k.size();
    for (int64_t head = 0; head < config_.n_heads; ++head) {
      const int64_t kv = head / (config_.n_heads / n_kv_heads);
      std::vector<double> scores(n_keys, 0.0);
      for (size_t j = 0; j < n_keys; ++j) {
        for (int64_t c = 0; c < dim; ++c)
          scores[j] += q[i][static_cast<size_t>(head * dim + c)] * k[j][static_cast<size_t>(kv * dim + c)];
        scores[j] /= std::sqrt(static_cast<double>(dim));
      }
      const std::vector<double> p = softmax(scores);
      for (size_t j = 0; j < n_keys; ++j) {
        for (int64_t c = 0; c < dim; ++c)
          out[i][static_cast<size_t>(head * dim + c)] += p[j] * v[j][static_cast<size_t>(kv * dim + c)];
      }
    }
  }
  return out;
}

SyntheticModel::Matrix SyntheticModel::mistral(const std::vector<int32_t>& ids) const {
  const SyntheticConfig& c = config_;
  Matrix x;
  for (const int32_t id : ids) {
    x.emplace_back();
    for (int64_t i = 0; i < c.d_model; ++i) x.back().push_back(at(c.prefix + "embed_tokens.weight", id, i));
  }
  const auto rotate = [&](std::vector<double>& row, int64_t n_heads, size_t position) {
    const int64_t half = c.head_dim / 2;
    for (int64_t head = 0; head < n_heads; ++head) {
      for (int64_t i = 0; i < half; ++i) {
        const double angle = static_cast<double>(position) *
                             std::pow(c.rope_theta, -2.0 * static_cast<double>(i) / static_cast<double>(c.head_dim));
        double& low = row[static_cast<size_t>(head * c.head_dim + i)];
        double& high = row[static_cast<size_t>(head * c.head_dim + half + i)];
        const double old = low;
        low = old * std::cos(angle) - high * std::sin(angle);
        high = high * std::cos(angle) + old * std::sin(angle);
      }
    }
  };
  for (int64_t l = 0; l < c.n_layers; ++l) {
    const std::string p = fmt::format("{}layers.{}.", c.prefix, l);
    Matrix q, k, v;
    for (size_t t = 0; t < x.size(); ++t) {
      const std::vector<double> a = norm(p + "input_layernorm", x[t], false);
      q.push_back(linear(p + "self_attn.q_proj", a));
      k.push_back(linear(p + "self_attn.k_proj", a));
      v.push_back(linear(p + "self_attn.v_proj", a));
      rotate(q.back(), c.n_heads, t);
      rotate(k.back(), c.n_kv_heads, t);
    }
    const Matrix context = attend(q, k, v);
    for (size_t t = 0; t < x.size(); ++t) {
      add_to(x[t], linear(p + "self_attn.o_proj", context[t]));
      const std::vector<double> m = norm(p + "post_attention_layernorm", x[t], false);
      std::vector<double> gate = linear(p + "mlp.gate_proj", m);
      const std::vector<double> up = linear(p + "mlp.up_proj", m);
      for (size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
      add_to(x[t], linear(p + "mlp.down_proj", gate));
    }
  }
  for (std::vector<double>& row : x) row = norm(c.prefix + "norm", row, false);
  return x;
}

SyntheticModel::Matrix SyntheticModel::bert(const std::vector<int32_t>& ids) const {
  const SyntheticConfig& c = config_;
  const std::string e = c.prefix + "embeddings.";
  Matrix x;
  for (size_t t = 0; t < ids.size(); ++t) {
    std::vector<double> row;
    for (int64_t i = 0; i < c.d_model; ++i) {
      row.push_back(at(e + "word_embeddings.weight", ids[t], i) + at(e + "token_type_embeddings.weight", 0, i) +
                    at(e + "position_embeddings.weight", static_cast<int64_t>(t), i));
    }
    x.push_back(norm(e + "LayerNorm", row, true));
  }
  for (int64_t l = 0; l < c.n_layers; ++l) {
    const std::string p = fmt::format("{}encoder.layer.{}.", c.prefix, l);
    Matrix q, k, v;
    for (const std::vector<double>& row : x) {
      q.push_back(linear(p + "attention.self.query", row));
      k.push_back(linear(p + "attention.self.key", row));
      v.push_back(linear(p + "attention.self.value", row));
    }
    const Matrix context = attend(q, k, v);
    for (size_t t = 0; t < x.size(); ++t) {
      add_to(x[t], linear(p + "attention.output.dense", context[t]));
      x[t] = norm(p + "attention.output.LayerNorm", x[t], true);
      std::vector<double> h = linear(p + "intermediate.dense", x[t]);
      for (double& value : h) value = gelu(value);
      add_to(x[t], linear(p + "output.dense", h));
      x[t] = norm(p + "output.LayerNorm", x[t], true);
    }
  }
  return x;
}

// One token's state through the latent block as published: nothing folded.
std::vector<double> SyntheticModel::latent(const std::vector<double>& h) const {
  const SyntheticConfig& c = config_;
  const int64_t inner = c.n_cross_heads * c.cross_head_dim;
  const std::vector<double> q = linear(kCross + "fn.to_q", norm(kCross + "norm", h, true));
  Matrix kv;
  for (int64_t l = 0; l < c.n_latents; ++l) {
    std::vector<double> row;
    for (int64_t i = 0; i < c.d_model; ++i) row.push_back(at("latent_attention_model.latents", l, i));
    kv.push_back(linear(kCross + "fn.to_kv", norm(kCross + "norm_context", row, true)));
  }
  std::vector<double> context(static_cast<size_t>(inner), 0.0);
  for (int64_t head = 0; head < c.n_cross_heads; ++head) {
    std::vector<double> scores(kv.size(), 0.0);
    for (size_t l = 0; l < kv.size(); ++l) {
      for (int64_t i = head * c.cross_head_dim; i < (head + 1) * c.cross_head_dim; ++i)
        scores[l] += q[static_cast<size_t>(i)] * kv[l][static_cast<size_t>(i)];
      scores[l] /= std::sqrt(static_cast<double>(c.cross_head_dim));
    }
    const std::vector<double> p = softmax(scores);
    for (size_t l = 0; l < kv.size(); ++l) {
      for (int64_t i = head * c.cross_head_dim; i < (head + 1) * c.cross_head_dim; ++i)
        context[static_cast<size_t>(i)] += p[l] * kv[l][static_cast<size_t>(inner + i)];
    }
  }
  std::vector<double> h1 = linear(kCross + "fn.to_out", context);
  add_to(h1, h);
  const std::vector<double> z = linear(kLatentMlp + "fn.net.0", norm(kLatentMlp + "norm", h1, true));
  std::vector<double> f;
  for (size_t i = 0; i < z.size() / 2; ++i) f.push_back(z[i] * gelu(z[z.size() / 2 + i]));
  add_to(h1, linear(kLatentMlp + "fn.net.2", f));
  return h1;
}

std::vector<double> SyntheticModel::reference(const std::vector<int32_t>& ids, int64_t pool_begin) const {
  const Matrix states = config_.model_type == "bert" ? bert(ids) : mistral(ids);
  size_t first = static_cast<size_t>(pool_begin);
  size_t last = states.size();
  if (config_.model_type != "nvembed" && config_.pooling == "cls") last = first + 1;
  if (config_.model_type != "nvembed" && config_.pooling == "lasttoken") first = states.size() - 1;
  std::vector<double> sum(static_cast<size_t>(config_.d_model), 0.0);
  for (size_t t = first; t < last; ++t) add_to(sum, config_.model_type == "nvembed" ? latent(states[t]) : states[t]);
  double norm = 0;
  for (const double x : sum) norm += x * x;
  for (double& x : sum) x /= std::sqrt(norm);
  return sum;
}

}  // namespace lode::model::testing
