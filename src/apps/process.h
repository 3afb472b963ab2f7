// What the process owes its surroundings: Ctrl-C and its like as a flag, a reader of stdout that may go away, a stdout
// that may be full, and error lines that stay one line whatever text they quote. Main thread only, except
// interrupted().
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace lode::apps {

// Has interrupted() told of SIGINT, SIGTERM and SIGHUP, ignores SIGPIPE and makes sure that descriptors 0 to 2 exist,
// so that no file opened later takes their place.
void prepare_process();

// Whether whoever started the process had it ignore the signal, as nohup does SIGHUP.
bool is_ignored(int signal);

// How a run ends that was interrupted: 128 and the signal's number.
int interrupted_exit_code();

enum class Stdout : unsigned char { fine, reader_gone, failed };
// Flushes stdout and says how all writes so far went; `failed` comes with the reason.
Stdout finish_stdout(std::string& reason);

// Prints "lode: " and the text, an error or a note, as one line on stderr; control characters are escaped.
void print_message(std::string_view text);

}  // namespace lode::apps
