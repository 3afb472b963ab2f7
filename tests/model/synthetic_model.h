// Small random models of every family, as a folder for the code under test and as double-precision matrices for the
// reference: the published formulas written out plainly, with the latent block unfolded (to_q, to_kv, to_out per
// token).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "../weights/model_folder.h"

namespace lode::model::testing {

struct SyntheticConfig {
  std::string model_type = "nvembed";  // or mistralbidirectional, mistral, bert
  int64_t d_model = 48;
  int64_t n_layers = 2;
  int64_t n_heads = 6;
  int64_t n_kv_heads = 2;
  int64_t head_dim = 8;
  int64_t d_ff = 80;
  int64_t vocab_size = 61;
  int64_t n_latents = 12;
  int64_t n_cross_heads = 3;
  int64_t cross_head_dim = 20;
  double rope_theta = 10000;
  double eps = 1e-5;
  std::string dtype = "F32";     // or F16, BF16
  std::string prefix = "";       // in front of the transformer's tensor names
  std::string pooling = "mean";  // of the sentence-transformers families: mean, cls, lasttoken
  int64_t max_positions = 1024;
  uint32_t seed = 1;
};

class SyntheticModel {
 public:
  explicit SyntheticModel(SyntheticConfig config);

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }
  [[nodiscard]] const weights::testing::ModelFolder& files() const { return folder_; }
  [[nodiscard]] const SyntheticConfig& config() const { return config_; }

  // Writes the weights anew with another list of tensors.
  void change(const std::function<void(std::vector<weights::testing::TensorSpec>&)>& how);

  // The vector [d_model] of one sequence whose positions from pool_begin on are pooled.
  [[nodiscard]] std::vector<double> reference(const std::vector<int32_t>& ids, int64_t pool_begin) const;

 private:
  using Matrix = std::vector<std::vector<double>>;  // [rows][columns]

  void add(const std::string& name, int64_t rows, int64_t columns, double center, double spread);
  void write_files();
  [[nodiscard]] double at(const std::string& name, int64_t row, int64_t column) const;
  [[nodiscard]] std::vector<double> linear(const std::string& name, const std::vector<double>& x) const;
  [[nodiscard]] std::vector<double> norm(const std::string& name, const std::vector<double>& x, bool layer) const;
  [[nodiscard]] Matrix attend(const Matrix& q, const Matrix& k, const Matrix& v) const;
  [[nodiscard]] Matrix mistral(const std::vector<int32_t>& ids) const;
  [[nodiscard]] Matrix bert(const std::vector<int32_t>& ids) const;
  [[nodiscard]] std::vector<double> latent(const std::vector<double>& h) const;

  struct Tensor {
    int64_t rows;
    int64_t columns;  // 0: a vector of `rows`
    std::vector<double> values;
  };

  SyntheticConfig config_;
  weights::testing::ModelFolder folder_;
  std::map<std::string, Tensor> tensors_;
  std::vector<weights::testing::TensorSpec> specs_;
  std::mt19937 rng_;
};

}  // namespace lode::model::testing
