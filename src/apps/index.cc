// `lode index`: makes an index of a folder or a commit, or brings one up to date.
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <CLI/App.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/index_store.h"
#include "apps/json_text.h"
#include "apps/process.h"
#include "apps/progress.h"
#include "apps/search_model.h"
#include "base/parallel.h"
#include "search/folder_tree.h"
#include "search/git_tree.h"
#include "search/indexer.h"

namespace lode::apps {
namespace {

struct IndexOptions {
  std::string folder = ".";
  std::string index;
  std::string commit;
  uint64_t max_file_bytes = search::IndexingOptions{}.max_file_bytes;
  bool rebuild = false;
  bool no_vectors = false;
  SubjectOptions model;
};

// What was done about vectors; no name: nothing.
struct Vectors {
  std::string model;
  search::VectorReport report;
};

struct OpenTree {
  std::unique_ptr<search::Tree> tree;
  std::string commit_id;
};

Result<OpenTree> open_tree(const IndexOptions& options, const IndexPlace& place, int n_threads) {
  if (options.commit.empty()) {
    LODE_ASSIGN(auto tree, search::FolderTree::open(place.root.folder, place.index));
    return OpenTree{std::move(tree), ""};
  }
  LODE_ASSIGN(auto tree, search::GitTree::open(place.root.folder, options.commit, n_threads));
  std::string commit_id = tree->commit();
  return OpenTree{std::move(tree), std::move(commit_id)};
}

std::string report_text(const search::IndexingReport& report, const Vectors& vectors, const IndexPlace& place,
                        double seconds) {
  std::string out = fmt::format("{} files, {} chunks, {} symbols in {}\n", report.n_files, report.n_chunks,
                                report.n_symbols, place.index.string());
  out += fmt::format("  {} unchanged, {} read, {} gone, {:.2f} s\n", report.n_unchanged, report.n_changed,
                     report.n_removed, seconds);
  std::string skipped;
  for (size_t i = 1; i < search::kSkips; ++i) {
    if (report.skipped[i] == 0) continue;
    skipped += fmt::format("{}{} {}", skipped.empty() ? "" : ", ", report.skipped[i],
                           search::name_of(static_cast<search::Skip>(i)));
  }
  if (!vectors.model.empty()) {
    out += fmt::format("  vectors of {}: {} chunks, {} new\n", vectors.model, vectors.report.n_chunks,
                       vectors.report.n_encoded);
  }
  if (!skipped.empty()) out += fmt::format("  left out: {}\n", skipped);
  return out;
}

std::string report_json(const search::IndexingReport& report, const Vectors& vectors, const IndexPlace& place,
                        const std::string& commit_id, double seconds) {
  nlohmann::ordered_json skipped = nlohmann::ordered_json::object();
  for (size_t i = 1; i < search::kSkips; ++i) {
    skipped[std::string(search::name_of(static_cast<search::Skip>(i)))] = report.skipped[i];
  }
  nlohmann::ordered_json out{{"folder", place.root.folder},
                             {"index", place.index.string()},
                             {"commit", nullptr},
                             {"files", report.n_files},
                             {"chunks", report.n_chunks},
                             {"unchanged", report.n_unchanged},
                             {"read", report.n_changed},
                             {"removed", report.n_removed},
                             {"analysed", report.n_analysed},
                             {"symbols", report.n_symbols},
                             {"skipped", skipped},
                             {"vectors", nullptr},
                             {"seconds", seconds}};
  if (!vectors.model.empty()) {
    out["vectors"] = {
        {"model", vectors.model}, {"chunks", vectors.report.n_chunks}, {"encoded", vectors.report.n_encoded}};
  }
  if (!commit_id.empty()) out["commit"] = commit_id;
  return json_text(out, 2);
}

// The files are searched by their terms already while this goes on, and what is made stays if it is broken off.
Result<Vectors> make_vectors(const IndexOptions& options, const IndexPlace& place, const Globals& globals) {
  if (options.no_vectors) return Vectors{};
  auto model = SearchModel::open(options.model, globals, place.index);
  const bool is_asked_for = !options.model.model.model.empty() || !options.model.endpoint.empty();
  if (!model && model.error().code == Code::not_found && !is_asked_for) {
    if (!globals.quiet) print_message("no vectors are made: " + model.error().line());
    return Vectors{};
  }
  if (!model) return std::unexpected(std::move(model).error());
  Progress progress("vectors", 0, Unit::items, globals.quiet);
  bool is_first = true;
  const auto on_progress = [&](size_t n_done, size_t n_chunks) {
    if (std::exchange(is_first, false)) progress.resume_at(n_done);
    progress.set_total(n_chunks);
    progress.set(n_done);
  };
  LODE_ASSIGN(const search::VectorReport report, (*model)->fill(place.root, on_progress));
  progress.clear();
  Progress linking("graph of vectors", 0, Unit::items, globals.quiet);
  const int n_threads = globals.threads > 0 ? globals.threads : available_cores();
  LODE_TRY((*model)->update_graph(report.n_chunks, n_threads, [&](size_t n_done, size_t n_rows) {
    linking.set_total(n_rows);
    linking.set(n_done);
  }));
  linking.clear();
  return Vectors{.model = (*model)->name(), .report = report};
}

Status run_index(const IndexOptions& options, const Globals& globals) {
  const auto start = std::chrono::steady_clock::now();
  LODE_ASSIGN(const IndexPlace place, locate_index(options.folder, options.index, options.commit));
  ThreadPool pool(globals.threads > 0 ? globals.threads : available_cores());
  LODE_ASSIGN(const auto writer, search::IndexWriter::open(place.index, {.rebuild = options.rebuild}));
  LODE_ASSIGN(const OpenTree open, open_tree(options, place, pool.n_threads()));
  Progress progress("index", open.tree->files().size(), Unit::items, globals.quiet);
  search::IndexingOptions indexing;
  indexing.max_file_bytes = options.max_file_bytes;
  indexing.stopped = [] { return interrupted(); };
  bool is_first = true;
  indexing.progress = [&](size_t n_done, size_t) {
    if (std::exchange(is_first, false)) progress.resume_at(n_done);
    progress.set(n_done);
  };
  LODE_ASSIGN(const search::IndexingReport report,
              search::update_index(*writer, *open.tree, place.root, open.commit_id, pool, indexing));
  progress.clear();
  LODE_ASSIGN(const Vectors vectors, make_vectors(options, place, globals));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return write_stdout(globals.json ? report_json(report, vectors, place, open.commit_id, seconds)
                                   : report_text(report, vectors, place, seconds));
}

}  // namespace

void add_index(Commands& commands) {
  auto options = std::make_shared<IndexOptions>();
  CLI::App& app =
      commands.add("index", "Make a folder searchable, or bring its index up to date", "lode index ~/src/project",
                   [options, &commands] { return run_index(*options, commands.globals()); });
  app.add_option("folder", options->folder, "What to index")->type_name("DIR")->capture_default_str();
  app.add_option("--index", options->index, "Where the index lies (default: indexes/ in LODE_HOME)")->type_name("PATH");
  app.add_option("--commit", options->commit, "Index this commit, branch or tag of the folder's git repository")
      ->type_name("REV");
  app.add_option("--max-file-bytes", options->max_file_bytes, "Larger files are left out")
      ->check(CLI::Range(uint64_t{1}, uint64_t{search::kMaxFileBytes}))
      ->type_name("N")
      ->capture_default_str();
  app.add_flag("--no-vectors", options->no_vectors, "Only what is searched by its terms: ready in seconds");
  add_subject_options(app, options->model);
  app.add_flag("--rebuild", options->rebuild, "Build it anew, whatever is there");
}

}  // namespace lode::apps
