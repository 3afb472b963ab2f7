// `lode tokenize`: the ids of each text, as the model would see it.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/command.h"
#include "apps/text_input.h"
#include "text/tokenizer.h"

namespace lode::apps {
namespace {

struct TokenizeOptions {
  std::string file = "-";
  std::string model;
  std::string text_field;
  bool no_special = false;
};

Status tokenize(const TokenizeOptions& options) {
  LODE_ASSIGN(const auto folder, resolve_model(options.model));
  LODE_ASSIGN(const auto tokenizer, text::load_tokenizer(folder));
  TextInputOptions input_options;
  input_options.files = {options.file};
  if (!options.text_field.empty()) input_options.text_field = options.text_field;
  TextInput input(std::move(input_options));
  std::vector<text::TokenId> ids;
  std::string out;
  while (true) {
    if (interrupted()) return fail(Code::cancelled, "interrupted");
    LODE_ASSIGN(const auto row, input.next());
    if (!row) break;
    ids.clear();
    if (options.no_special) {
      tokenizer->encode(row->text, ids);
    } else {
      ids = text::encode_with_template(*tokenizer, row->text);
    }
    out += fmt::format("[{}]\n", fmt::join(ids, ","));
    if (out.size() < size_t{1} << 16) continue;
    LODE_TRY(write_stdout(out));
    out.clear();
  }
  return write_stdout(out);
}

}  // namespace

void add_tokenize(Commands& commands) {
  auto options = std::make_shared<TokenizeOptions>();
  CLI::App& app = commands.add("tokenize", "The token ids of texts, one JSON array a line",
                               "echo 'Hello world' | lode tokenize --model all-minilm-l6-v2",
                               [options] { return tokenize(*options); });
  app.add_option("file", options->file, "Text, one text a line, or .jsonl; - is stdin (the default)")
      ->type_name("FILE");
  app.add_option("--model", options->model, "Folder of a model, or its name in the model store")->type_name("M");
  app.add_option("--text-field", options->text_field,
                 "The input is JSONL with its texts under this name (default of .jsonl: text)")
      ->type_name("NAME");
  app.add_flag("--no-special", options->no_special, "Without the ids that the tokenizer's template puts around a text");
}

}  // namespace lode::apps
