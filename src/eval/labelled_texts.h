// Texts with a label each: the data of classification and clustering, and labels as the small integers that
// classifiers take. Plain data; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace lode::eval {

struct LabelledTexts {
  std::vector<std::string> texts;
  std::vector<std::string> labels;  // whole numbers as their digits
};

// Rows of "text" and "label" (a string or a whole number), or "label_text" where "label" is absent. Errors: those of
// each_row; corrupt, naming the row; corrupt for a file without rows.
Result<LabelledTexts> read_labelled_texts(const std::filesystem::path& file);

// Labels in the order in which the field's tools sort them, which decides ties: numbers by value if all are whole
// numbers, else by their bytes.
class LabelOrder {
 public:
  explicit LabelOrder(std::span<const std::string> labels);

  // Ascending, each once.
  [[nodiscard]] const std::vector<std::string>& labels() const { return labels_; }
  // All whole numbers.
  [[nodiscard]] bool are_numbers() const { return are_numbers_; }
  // The label's place; -1 for an unknown one.
  [[nodiscard]] int32_t place(const std::string& label) const;
  [[nodiscard]] std::vector<int32_t> places(std::span<const std::string> labels) const;

 private:
  [[nodiscard]] bool before(const std::string& a, const std::string& b) const;

  std::vector<std::string> labels_;
  bool are_numbers_ = false;
};

// What is one whole number, as JSON's integers are written.
bool is_whole_number(const std::string& label);

}  // namespace lode::eval
