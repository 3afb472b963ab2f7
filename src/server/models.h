// The names under which models are served. A model answers to its id and its aliases, in any letter case, with or
// without the vendor/ part, and with -query or -passage behind (for clients that cannot send input_type). Never
// guesses: any other name finds nothing. Filled at start, read by all threads afterwards.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "embed/prompt.h"
#include "server/model_card.h"
#include "server/service.h"

namespace lode::server {

struct ServedModel {
  std::string id;
  EmbeddingService* service = nullptr;  // outlives Models
  ModelCard card{};
  std::vector<std::string> aliases{};  // beside the id
};

class Models {
 public:
  struct Match {
    const ServedModel* model = nullptr;
    embed::InputType input_type = embed::InputType::unspecified;  // from the name's suffix
  };

  // The first model added is the one that an empty name means. Errors: invalid_argument when the name is taken.
  Status add(std::string id, EmbeddingService& service, ModelCard card = {});
  // The same without a service, where names alone are checked.
  Status add_name(std::string id);
  // `target` is a name that find() knows. Errors: invalid_argument when it does not, or when `alias` is taken.
  Status add_alias(std::string alias, std::string_view target);

  [[nodiscard]] std::optional<Match> find(std::string_view name) const;
  // The same for servers that take any name: one that is not known means the first model, its suffix what it says.
  [[nodiscard]] std::optional<Match> find_or_first(std::string_view name) const;

  // Ids and aliases as they were given, ids first.
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] const std::vector<ServedModel>& served() const { return served_; }

 private:
  [[nodiscard]] std::optional<size_t> exact(std::string_view name) const;
  Status claim(const std::string& name, size_t index);

  std::vector<ServedModel> served_;
  std::vector<std::string> aliases_;
  std::map<std::string, size_t, std::less<>> by_name_;  // lower case; indices into served_
};

}  // namespace lode::server
