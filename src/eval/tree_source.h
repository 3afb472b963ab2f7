// Where the trees of issues come from: packed data, or clones of the repositories. Stateless; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "eval/swebench.h"
#include "eval/trees.h"

namespace lode::eval {

struct TreeSource {
  std::filesystem::path packed;  // a folder with OWNER__NAME.index.tsv.xz and OWNER__NAME.blobs.xz
  std::filesystem::path clones;  // not empty: read from git instead, DIR/OWNER__NAME, with .git or not, bare or not
  std::string_view remedy = "";  // what the caller's user can do about a tree that the packed data lack, if anything
};

// The trees of issues[which], all of one repository, by the issues' ids. Errors: those of PackedTrees or GitTrees;
// not_found, naming what lacks, for an issue without a tree.
Result<std::unique_ptr<Trees>> open_trees(const TreeSource& source, const std::vector<Issue>& issues,
                                          const std::vector<size_t>& which);

// How much there is to read of a repository, for an order of work; 0 where that is not known at once.
uint64_t packed_bytes(const TreeSource& source, const std::string& repo);

// The files of packed trees that these issues need; none for clones, whose commits name their contents.
std::vector<std::filesystem::path> tree_files(const TreeSource& source, const std::vector<Issue>& issues);

}  // namespace lode::eval
