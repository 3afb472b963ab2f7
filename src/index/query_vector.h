// Which texts of a query a model reads beside a ranking by terms, and the one vector that they make. Stateless; any
// thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "index/query_parts.h"

namespace lode::index {

// A query of one line, or of none outside of code, is itself. Of a longer one its title and its prose, each a text:
// terms know what its code names, a model that reads a few hundred tokens of it would see the code instead of the
// description. Where there is little prose, its title and the whole.
std::vector<std::string> query_texts(const QueryParts& parts);

// The direction of the mean of unit vectors. rows: [n, n_dims], n > 0; the result has length 1, or is 0 where they
// cancel.
std::vector<float> mean_direction(std::span<const float> rows, size_t n_dims);

}  // namespace lode::index
