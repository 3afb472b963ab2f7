// Rows by key are those that an ordinary map would say.
#include "index/key_rows.h"

#include <cstdint>
#include <map>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace lode::index {
namespace {

struct NumberedEntry {
  uint64_t key = 0;
};
// Many keys begin their search at the same place.
struct CoarseHash {
  size_t operator()(uint64_t key) const { return key / 4; }
};
using Rows = KeyRows<NumberedEntry, CoarseHash>;

RC_GTEST_PROP(KeyRows, AreThoseOfAMap, ()) {
  Rows rows;
  std::map<uint64_t, size_t> expected;
  const auto keys = rc::gen::container<std::vector<uint8_t>>(rc::gen::inRange<uint8_t>(0, 60));
  for (const std::vector<uint8_t>& added : *rc::gen::container<std::vector<std::vector<uint8_t>>>(keys)) {
    std::vector<NumberedEntry> entries;
    for (const uint8_t key : added) {
      expected[key] = rows.size() + entries.size();
      entries.push_back({key});
    }
    rows.append(entries);
    for (const uint8_t key : *keys) {
      if (expected.erase(key) > 0) rows.drop(key);
    }
    for (uint64_t key = 0; key < 64; ++key) {
      const auto one = expected.find(key);
      RC_ASSERT(rows.find(key) == (one == expected.end() ? Rows::npos : one->second));
    }
  }
}

TEST(KeyRows, WithoutRowsNoKeyIsFound) {
  Rows rows;
  EXPECT_EQ(rows.find(1), Rows::npos);
  rows.append({});
  EXPECT_EQ(rows.find(1), Rows::npos);
  EXPECT_EQ(rows.size(), 0U);
}

}  // namespace
}  // namespace lode::index
