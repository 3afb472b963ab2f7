#include "apps/frame.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "apps/config_file.h"
#include "apps/exit_code.h"
#include "apps/nearest.h"
#include "apps/nim_variables.h"
#include "apps/process.h"

namespace lode::apps {

// Not in the anonymous namespace: Frame::Impl, which other files know by name, holds it.
struct FrameEntry {
  std::string words;  // as typed: "eval compare" is one command whose name CLI11 knows as "eval-compare"
  std::string example;
  std::function<Status()> run;
};

namespace {

// Thrown through CLI11's parser and caught in Frame::run, nowhere else.
struct UsageError {
  Error error;
};

std::string env_name(const CLI::Option& option) {
  if (option.get_lnames().empty()) return {};
  std::string name = "LODE_" + option.get_lnames().front();
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return c == '-' ? '_' : static_cast<char>(std::toupper(c)); });
  return name;
}

bool env_is_set(const CLI::Option& option) {
  const char* value = option.get_envname().empty() ? nullptr : std::getenv(option.get_envname().c_str());
  return value != nullptr && *value != '\0';
}

// Gives every long option of the app its variable; --help and --version print and --config has been read by then.
void name_variables(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option == app.get_help_ptr() || !option->get_configurable()) continue;
    if (const std::string name = env_name(*option); !name.empty()) option->envname(name);
  }
}

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  while (!text.empty() && (text.back() == ' ' || text.back() == '.')) text.pop_back();
  return text;
}

// Help with the example first and the options of every command last.
class Help final : public CLI::Formatter {
 public:
  Help(const CLI::App& root, const std::map<const CLI::App*, FrameEntry>& entries) : root_(root), entries_(entries) {
    column_width(34);
    label("SUBCOMMAND", "COMMAND");
    label("Subcommands", "Commands");
  }

  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    const auto entry = entries_.find(app);
    if (entry == entries_.end()) return CLI::Formatter::make_help(app, std::move(name), mode);
    std::string out = fmt::format("Example:\n  {}\n\n{}", entry->second.example, make_description(app));
    out += make_usage(app, "lode " + entry->second.words);
    out += make_positionals(app);
    out += make_groups(app, mode);
    out += make_group("Every command", false, root_.get_options([&](const CLI::Option* option) {
      return option != root_.get_help_ptr() && option != root_.get_version_ptr();
    }));
    return out + "\nOptions also come from LODE_<NAME> in the environment and from the config file.\n";
  }

  // A line of the list of commands.
  std::string make_subcommand(const CLI::App* app) const override {
    const auto entry = entries_.find(app);
    std::stringstream out;
    CLI::detail::format_help(out, entry == entries_.end() ? app->get_name() : entry->second.words,
                             app->get_description(), get_column_width());
    return out.str();
  }

  // "TEXT=default ...": without CLI11's ranges and variable names, which make the column unreadable.
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0) return {};
    const std::string type = option->get_type_name();
    std::string out = " " + type.substr(0, type.find(':'));
    if (!option->get_default_str().empty()) out += "=" + option->get_default_str();
    if (option->get_expected_max() == CLI::detail::expected_max_vector_size) out += " ...";
    return option->get_required() ? out + " (required)" : out;
  }

 private:
  const CLI::App& root_;
  const std::map<const CLI::App*, FrameEntry>& entries_;
};

}  // namespace

struct Frame::Impl {
  CLI::App app{"Lodestone: vectors of text and code, on your own machine.", "lode"};
  Globals globals;
  std::map<const CLI::App*, FrameEntry> entries;
  std::map<const CLI::Option*, std::string> file_origin;  // options set by the config file -> "lode.toml:3"

  [[nodiscard]] CLI::App* chosen() const {
    const auto parsed = app.get_subcommands();
    return parsed.empty() ? nullptr : parsed.front();
  }
  [[nodiscard]] std::string help_hint() const {
    return chosen() != nullptr ? fmt::format("See `lode {} --help`", entries.at(chosen()).words) : "See `lode --help`";
  }
  // The commands of one word, which is what can be typed first.
  [[nodiscard]] std::vector<std::string> first_words() const {
    std::vector<std::string> out;
    for (const CLI::App* command : app.get_subcommands({})) {
      if (const std::string& words = entries.at(command).words; !words.contains(' ')) out.push_back(words);
    }
    return out;
  }
  [[nodiscard]] std::vector<std::string> join_words(int argc, const char* const* argv) const;
  std::vector<CLI::ConfigItem> from_file(std::string_view toml);
  [[nodiscard]] Error describe(const CLI::ParseError& error, int argc, const char* const* argv) const;
  [[nodiscard]] std::optional<Error> describe_extra() const;
  int execute();
};

namespace {

std::vector<std::string> option_names(const CLI::App& app, std::string_view dashes) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back(std::string(dashes) + name);
  }
  return names;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

CLI::Option* configurable(CLI::App& app, const std::string& key) {
  CLI::Option* option = app.get_option_no_throw("--" + key);
  return option != nullptr && option->get_configurable() && option != app.get_help_ptr() ? option : nullptr;
}

// CLI11 asks this for the file's settings after the command line is read and before the environment is.
class FileReader final : public CLI::Config {
 public:
  using Read = std::function<std::vector<CLI::ConfigItem>(std::string_view)>;
  explicit FileReader(Read read) : read_(std::move(read)) {}
  std::string to_config(const CLI::App*, bool, bool, std::string) const override { return {}; }
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    return read_(std::string(std::istreambuf_iterator<char>(input), {}));
  }

 private:
  Read read_;
};

}  // namespace

Frame::Frame() : impl_(std::make_unique<Impl>()) {
  CLI::App& app = impl_->app;
  app.fallthrough();  // `lode embed --threads 2` and `lode --threads 2 embed` are the same
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("lode ") + LODE_VERSION, "Print the version")->configurable(false);
  app.get_help_ptr()->description("Print this help")->configurable(false);
  app.add_option("--threads", impl_->globals.threads, "Threads to compute with, 0: one per core")
      ->check(CLI::Range(0, 4096))
      ->type_name("N");
  app.add_flag("--quiet", impl_->globals.quiet, "No progress");
  app.add_flag("--json", impl_->globals.json, "Reports as JSON");
  name_variables(app);
  const char* config = std::getenv("LODE_CONFIG");
  const bool config_named = config != nullptr && *config != '\0';
  app.set_config("--config", config_named ? config : "", "Read options from a TOML file", config_named)
      ->type_name("FILE");
  app.config_formatter(
      std::make_shared<FileReader>([impl = impl_.get()](std::string_view toml) { return impl->from_file(toml); }));
  app.formatter(std::make_shared<Help>(app, impl_->entries));
}

Frame::~Frame() = default;

CLI::App& Frame::add(const std::string& name, const std::string& summary, const std::string& example,
                     std::function<Status()> run, std::function<void()> prepare) {
  std::string joined = name;
  std::ranges::replace(joined, ' ', '-');
  CLI::App* command = impl_->app.add_subcommand(joined, summary);
  impl_->entries[command] = {name, example, std::move(run)};
  command->get_help_ptr()->description("Print this help");
  command->group("Commands");
  // Only the chosen command's options listen to the environment: LODE_PORT cannot break `lode embed`.
  command->preparse_callback([command, prepare = std::move(prepare)](size_t) {
    if (prepare) prepare();
    name_variables(*command);
  });
  return *command;
}

const Globals& Frame::globals() const {
  return impl_->globals;
}

// The command line, with the two words of a command like `lode eval compare` as CLI11 knows them: a command of its own,
// as options and arguments of `lode eval` must not be its.
std::vector<std::string> Frame::Impl::join_words(int argc, const char* const* argv) const {
  std::vector<std::string> out(argv, argv + argc);
  const auto is_words = [&](std::string_view words) {
    return std::ranges::any_of(entries, [&](const auto& entry) { return entry.second.words == words; });
  };
  const auto first = std::ranges::find_if(out, is_words);
  if (first == out.end() || first + 1 == out.end() || !is_words(*first + " " + *(first + 1))) return out;
  *first += "-" + *(first + 1);
  out.erase(first + 1);
  return out;
}

// The settings that apply to the chosen command and are not overridden by the environment; CLI11 itself skips those
// that the command line gave. A top-level key is for every command that has such an option; a command's table beats it.
std::vector<CLI::ConfigItem> Frame::Impl::from_file(std::string_view toml) {
  const auto file_name = app.get_config_ptr()->as<std::string>();
  auto settings = read_config(toml, file_name);
  if (!settings) throw UsageError{settings.error()};
  std::map<CLI::Option*, CLI::ConfigItem> items;
  std::ranges::stable_sort(*settings, {}, [](const Setting& setting) { return !setting.table.empty(); });
  for (const Setting& setting : *settings) {
    const auto refuse = [&](std::string_view what, const std::string& name, const std::vector<std::string>& known) {
      const std::string meant = nearest(name, known);
      throw UsageError{{Code::invalid_argument,
                        fmt::format("{}:{}: unknown {} \"{}\"", file_name, setting.line, what, name),
                        meant.empty() ? help_hint() : fmt::format("Did you mean \"{}\"?", meant)}};
    };
    CLI::App* table = nullptr;
    if (!setting.table.empty()) {
      const auto commands = app.get_subcommands([&](const CLI::App* sub) { return sub->get_name() == setting.table; });
      if (!commands.empty()) table = commands.front();
      if (table == nullptr) refuse("table", setting.table, command_names(app));
      if (setting.key.empty()) continue;
    }
    std::vector<CLI::App*> scope{&app};
    if (table != nullptr) scope.push_back(table);
    if (table == nullptr) std::ranges::copy(app.get_subcommands({}), std::back_inserter(scope));
    std::vector<std::string> known;
    for (const CLI::App* place : scope) std::ranges::move(option_names(*place, ""), std::back_inserter(known));
    if (std::ranges::none_of(scope, [&](CLI::App* place) { return configurable(*place, setting.key) != nullptr; }))
      refuse("key", setting.key, known);
    if (table != nullptr && table != chosen()) continue;
    for (CLI::App* place : {&app, chosen()}) {
      CLI::Option* option = place == nullptr ? nullptr : configurable(*place, setting.key);
      if (option == nullptr || env_is_set(*option)) continue;
      if (setting.values.empty()) continue;  // an empty list sets nothing
      CLI::ConfigItem item;
      if (place != &app) item.parents.push_back(place->get_name());
      item.name = setting.key;
      item.inputs = setting.values;
      items[option] = std::move(item);
      file_origin[option] = fmt::format("{}:{}", file_name, setting.line);
    }
  }
  std::vector<CLI::ConfigItem> out;
  for (auto& [option, item] : items) out.push_back(std::move(item));
  return out;
}

// What is left over after parsing is the best clue, whatever else CLI11 found wrong.
std::optional<Error> Frame::Impl::describe_extra() const {
  const std::vector<std::string> extras = app.remaining(true);
  if (extras.empty()) return std::nullopt;
  const auto first_option =
      std::ranges::find_if(extras, [](const std::string& extra) { return extra.size() > 1 && extra[0] == '-'; });
  const bool is_option = first_option != extras.end() && (chosen() != nullptr || first_option == extras.begin());
  std::string extra = is_option ? *first_option : extras.front();
  std::vector<std::string> known;
  if (is_option) {
    extra = extra.substr(0, extra.find('='));
    known = option_names(app, "--");
    if (chosen() != nullptr) std::ranges::move(option_names(*chosen(), "--"), std::back_inserter(known));
  } else if (chosen() == nullptr) {
    known = first_words();
  }
  const std::string meant = nearest(extra, known);
  std::string message = is_option             ? fmt::format("unknown option {}", extra)
                        : chosen() == nullptr ? fmt::format("unknown command {}", extra)
                                              : fmt::format("unexpected argument \"{}\"", extra);
  if (chosen() != nullptr) message += fmt::format(" for `lode {}`", entries.at(chosen()).words);
  return Error{Code::invalid_argument, std::move(message),
               meant.empty() ? help_hint() : fmt::format("Did you mean {}?", meant)};
}

Error Frame::Impl::describe(const CLI::ParseError& error, int argc, const char* const* argv) const {
  if (auto extra = describe_extra()) return *std::move(extra);
  if (chosen() == nullptr && error.get_name() == "RequiredError") {
    return {Code::invalid_argument, fmt::format("no command given, expected one of {}", fmt::join(first_words(), ", ")),
            help_hint()};
  }
  if (error.get_name() == "FileError") {
    return {Code::invalid_argument,
            fmt::format("cannot read the config file {}", app.get_config_ptr()->as<std::string>()),
            "Check the path given by --config or LODE_CONFIG"};
  }
  std::string message = one_line(error.what());
  // A value that nobody typed on the command line is reported with the place it came from.
  for (const CLI::App* place : {static_cast<const CLI::App*>(&app), static_cast<const CLI::App*>(chosen())}) {
    if (place == nullptr) continue;
    for (const CLI::Option* option : place->get_options()) {
      const std::string name = option->get_name();
      const bool typed = std::any_of(argv, argv + argc,
                                     [&](std::string_view arg) { return arg == name || arg.starts_with(name + "="); });
      if (!name.starts_with("--") || typed || message.find(name) == std::string::npos) continue;
      if (env_is_set(*option)) {
        message += fmt::format(" (from {})", variable_as_set(option->get_envname()));
      } else if (const auto origin = file_origin.find(option); origin != file_origin.end()) {
        message += fmt::format(" (from {})", origin->second);
      }
    }
  }
  return {Code::invalid_argument, std::move(message), help_hint()};
}

int Frame::Impl::execute() {
  Status status;
  try {
    status = entries.at(chosen()).run();
  } catch (const std::bad_alloc&) {
    status = fail(Code::internal, "out of memory", "Free memory, or choose a smaller model or batch");
  } catch (const std::exception& error) {
    status = fail(Code::internal, fmt::format("unexpected failure: {}", error.what()));
  }
  // Ctrl-C makes reads and waits fail in many ways; the user knows the one reason.
  if (!status && interrupted() && status.error().code != Code::cancelled) status = fail(Code::cancelled, "interrupted");
  std::string reason;
  const Stdout end = finish_stdout(reason);
  if (end == Stdout::reader_gone) return kExitDone;
  if (!status) {
    print_message(status.error().line());
    const Code code = status.error().code;
    return code == Code::cancelled ? interrupted_exit_code() : exit_code(code);
  }
  if (end == Stdout::failed) {
    print_message(fmt::format("cannot write to standard output: {}", reason));
    return kExitFailed;
  }
  return kExitDone;
}

int Frame::run(int argc, const char* const* argv) {
  prepare_process();
  try {
    std::vector<std::string> words = impl_->join_words(argc, argv);
    words.erase(words.begin(), words.begin() + (words.empty() ? 0 : 1));
    std::ranges::reverse(words);  // CLI11 takes them from the end
    impl_->app.parse(std::move(words));
    return impl_->execute();
  } catch (const CLI::CallForHelp&) {
    if (impl_->chosen() == nullptr) {
      if (const auto extra = impl_->describe_extra()) {  // help on a command that does not exist
        print_message(extra->line());
        return kExitUsage;
      }
    }
    static_cast<void>(write_stdout(impl_->app.help()));
  } catch (const CLI::CallForVersion& version) {
    static_cast<void>(write_stdout(std::string(version.what()) + "\n"));
  } catch (const CLI::ParseError& error) {
    print_message(impl_->describe(error, argc, argv).line());
    return kExitUsage;
  } catch (const UsageError& usage) {
    print_message(usage.error.line());
    return kExitUsage;
  }
  std::string reason;
  if (finish_stdout(reason) != Stdout::failed) return kExitDone;
  print_message(fmt::format("cannot write to standard output: {}", reason));
  return kExitFailed;
}

}  // namespace lode::apps
