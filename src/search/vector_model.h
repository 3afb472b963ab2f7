// What a model is to indexes that are searched by many: it gives chunks and queries their vectors, and knows those that
// are kept. An interface, so that searches know no engine and are tested without a model. Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "search/kept_vectors.h"

namespace lode::search {

struct VectorModelCard {
  std::string name;
  std::string identity;      // everything that decides a vector besides its text: vector_file.h goes by it
  std::string chunk_prompt;  // what is put in front of a chunk: a part of its key among the kept vectors
  int64_t n_dims = 0;
};

class VectorModel {
 public:
  virtual ~VectorModel() = default;

  // Whether card() is cheap; else it loads the model.
  [[nodiscard]] virtual bool is_loaded() const = 0;
  // Errors: those of the model. What it gives stays as long as this.
  virtual Result<const VectorModelCard*> card() = 0;

  // Vectors of length 1: [n_dims], [texts.size(), n_dims]. Block until they are there. Errors: cancelled when `gone` is
  // requested; for a query overloaded, as every request. Chunks wait for everybody else.
  virtual Result<std::vector<float>> encode_query(const std::string& query, const std::stop_token& gone) = 0;
  virtual Result<std::vector<float>> encode_chunks(std::span<const std::string> texts, const std::stop_token& gone) = 0;

  // Null: none are kept.
  virtual KeptVectors* kept() = 0;
};

}  // namespace lode::search
