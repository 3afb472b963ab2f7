// `lode export`: what an index holds, chunks and vectors, for other systems.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/choice.h"
#include "apps/chunk_writer.h"
#include "apps/command.h"
#include "apps/index_store.h"
#include "apps/json_text.h"
#include "apps/process.h"
#include "apps/progress.h"
#include "apps/search_model.h"
#include "search/block_keys.h"
#include "search/index_reader.h"
#include "search/tree_chunks.h"
#include "search/vector_file.h"

namespace lode::apps {
namespace {

constexpr size_t kChunksAtOnce = 256;

struct ExportOptions {
  std::string folder = ".";
  std::string index;
  std::string commit;
  ExportFormat format = ExportFormat::jsonl;
  std::string output;
  std::string table = "lode_chunks";
  bool partial = false;
  bool no_vectors = false;
  SubjectOptions model;
};

std::unexpected<Error> no_vectors(const ExportOptions& options, std::string_view model) {
  const std::string_view instead =
      options.format == ExportFormat::jsonl ? ", or export the texts alone with --no-vectors" : "";
  return fail(Code::not_found,
              fmt::format("the index has no vectors{}{}", model.empty() ? "" : " of ", model.empty() ? "" : model),
              fmt::format("Make them with lode index{}.", instead));
}

// An index and what of it can be exported.
struct Source {
  IndexPlace place;
  std::unique_ptr<search::IndexReader> reader;
  std::unique_ptr<SearchModel> model;         // null: without vectors
  std::optional<search::VectorFile> vectors;  // the model's
  std::vector<search::BlockKey> blocks;       // by place in the reader's contents(); with vectors only
  size_t n_missing = 0;                       // chunks that lack their vector

  [[nodiscard]] bool has(uint32_t content, size_t n_chunks) const {
    return !vectors || vectors->n_rows(blocks[content]) == n_chunks;
  }
};

Status open_source_vectors(const ExportOptions& options, const Globals& globals, Source& out) {
  if (!search::VectorFile::any_in(out.place.index)) return no_vectors(options, "");
  LODE_ASSIGN(out.model, SearchModel::open(options.model, globals, out.place.index));
  LODE_ASSIGN(out.vectors, out.model->vectors());
  LODE_ASSIGN(out.blocks, search::block_keys(*out.reader));
  for (uint32_t place = 0; place < out.blocks.size(); ++place) {
    const size_t n_chunks = out.reader->first_chunks()[place + 1] - out.reader->first_chunks()[place];
    if (!out.has(place, n_chunks)) out.n_missing += n_chunks;
  }
  const size_t n_chunks = out.reader->n_chunks();
  if (n_chunks > 0 && out.n_missing == n_chunks) return no_vectors(options, out.model->name());
  if (out.n_missing > 0 && !options.partial) {
    return fail(Code::unavailable,
                fmt::format("{} of {} chunks have no vector of {} yet", out.n_missing, n_chunks, out.model->name()),
                "Let lode index make them, or leave those chunks out with --partial.");
  }
  return {};
}

Result<Source> open_source(const ExportOptions& options, const Globals& globals) {
  Source out;
  LODE_ASSIGN(out.place, locate_index(options.folder, options.index, options.commit));
  LODE_ASSIGN(out.reader, search::IndexReader::open(out.place.index, out.place.root));
  if (!out.reader->is_complete() && !options.partial) {
    return fail(Code::unavailable, fmt::format("the index of {} is not complete yet", out.place.root.folder),
                "Let lode index finish, or export what there is with --partial.");
  }
  if (!options.no_vectors) LODE_TRY(open_source_vectors(options, globals, out));
  return out;
}

// -> how many chunks.
Result<size_t> copy_chunks(Source& source, ChunkWriter& writer, const Globals& globals) {
  Progress progress("export", source.reader->n_chunks() - source.n_missing, Unit::items, globals.quiet);
  std::vector<search::TreeChunk> batch;
  size_t n_done = 0;
  const auto flush = [&]() -> Status {
    std::vector<float> vectors;
    if (source.model != nullptr && !batch.empty()) {
      std::vector<std::string> texts;
      for (search::TreeChunk& chunk : batch) texts.push_back(std::move(chunk.embedded));
      LODE_ASSIGN(vectors, source.model->exact(texts));
    }
    const size_t n_dims = batch.empty() ? 0 : vectors.size() / batch.size();
    for (size_t i = 0; i < batch.size(); ++i) {
      LODE_TRY(writer.write(batch[i], std::span(vectors).subspan(i * n_dims, n_dims)));
    }
    n_done += batch.size();
    batch.clear();
    progress.set(n_done);
    return {};
  };
  LODE_TRY(search::each_chunk(
      *source.reader, [&](uint32_t place, size_t n_chunks) { return source.has(place, n_chunks); },
      [&](search::TreeChunk chunk) -> Status {
        if (interrupted()) return fail(Code::cancelled, "interrupted", "Nothing was written.");
        batch.push_back(std::move(chunk));
        return batch.size() < kChunksAtOnce ? Status{} : flush();
      }));
  LODE_TRY(flush());
  progress.clear();
  return n_done;
}

Status report(const ExportOptions& options, const ExportedIndex& index, const Source& source, size_t n_chunks,
              const Globals& globals) {
  if (options.output == "-") {
    if (source.n_missing > 0 && !globals.quiet) {
      print_message(fmt::format("{} chunks without vectors were left out", source.n_missing));
    }
    return {};
  }
  if (globals.json) {
    nlohmann::ordered_json out{{"folder", index.folder},
                               {"index", source.place.index.string()},
                               {"commit", nullptr},
                               {"output", options.output},
                               {"chunks", n_chunks},
                               {"left_out", source.n_missing},
                               {"model", nullptr},
                               {"dims", index.n_dims},
                               {"complete", source.reader->is_complete()}};
    if (!index.commit.empty()) out["commit"] = index.commit;
    if (!index.model.empty()) out["model"] = index.model;
    return write_stdout(json_text(out, 2));
  }
  std::string out = fmt::format("{} chunks to {}", n_chunks, options.output);
  if (!index.model.empty()) out += fmt::format(", vectors of {}, {} dimensions", index.model, index.n_dims);
  if (source.n_missing > 0) out += fmt::format("; {} without vectors left out", source.n_missing);
  return write_stdout(out + "\n");
}

Status run_export(const ExportOptions& options, const Globals& globals) {
  if (options.no_vectors && options.format != ExportFormat::jsonl) {
    return fail(Code::invalid_argument, "--no-vectors goes with --to jsonl only", "The others are made of vectors.");
  }
  LODE_ASSIGN(Source source, open_source(options, globals));
  ExportedIndex index{.folder = source.place.root.folder,
                      .commit = source.reader->commit_id(),
                      .model = "",
                      .n_dims = 0,
                      .table = options.table};
  if (source.model != nullptr) {
    index.model = source.model->name();
    index.n_dims = source.vectors->dims();
  }
  LODE_ASSIGN(const auto writer, ChunkWriter::open(options.format, options.output, index));
  LODE_ASSIGN(const size_t n_chunks, copy_chunks(source, *writer, globals));
  LODE_TRY(writer->finish());
  return report(options, index, source, n_chunks, globals);
}

}  // namespace

void add_export(Commands& commands) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App& app = commands.add("export", "Write what an index holds, for other systems",
                               "lode export ~/src/project --to pgvector -o chunks.sql",
                               [options, &commands] { return run_export(*options, commands.globals()); });
  app.add_option("folder", options->folder, "The folder that was indexed")->type_name("DIR")->capture_default_str();
  app.add_option("--to", options->format,
                 "jsonl: a chunk a line; npy: a matrix OUT.npy and its rows' lines OUT.jsonl; pgvector: a script for "
                 "psql")
      ->required()
      ->transform(choice<ExportFormat>(
          {{"jsonl", ExportFormat::jsonl}, {"npy", ExportFormat::npy}, {"pgvector", ExportFormat::pgvector}}))
      ->type_name("FORMAT");
  app.add_option("-o,--output", options->output, "The file to write; - is stdout")->required()->type_name("OUT");
  app.add_option("--index", options->index, "Where the index lies (default: indexes/ in LODE_HOME)")->type_name("PATH");
  app.add_option("--commit", options->commit, "Export the index of this commit, branch or tag")->type_name("REV");
  app.add_option("--table", options->table, "The table that --to pgvector makes")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_flag("--partial", options->partial, "Leave out chunks that have no vector yet, with a count");
  app.add_flag("--no-vectors", options->no_vectors, "Texts alone, of --to jsonl");
  add_subject_options(app, options->model);
}

}  // namespace lode::apps
