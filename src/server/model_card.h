// What a model's card says that its user must know: licence, what that forbids, sizes, limits. Filled by whoever opens
// the model's folder (apps/model_cards), shown by /v1/metadata, /v1/license and `lode inspect`. Only a hint: the
// licence's own text decides. Plain data; what is not known is empty or 0.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lode::server {

struct ModelCard {
  std::string title{};           // "NV-Embed-v1"
  std::string url{};             // where the weights and the card are published
  std::string licence{};         // "CC-BY-NC-4.0"
  std::string restriction{};     // "non-commercial use only", or empty
  std::string licence_url{};     // of the licence's text
  std::string licence_source{};  // where the name was read: "README.md"
  std::string licence_file{};    // its name in the model's folder, when it is there
  std::string licence_sha256{};  // of that file
  std::string licence_text{};    // that file
  int64_t n_parameters = 0;
  int64_t trained_tokens = 0;            // longest text in training
  int64_t published_max_tokens = 0;      // longest text that the publisher's own settings take
  std::vector<std::string> languages{};  // "en"
  std::vector<std::string> limits{};     // sentences
};

}  // namespace lode::server
