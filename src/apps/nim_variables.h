// NIM containers are configured by variables; `lode serve` reads the same ones, so that a compose file or a Helm chart
// of theirs starts it unchanged. Each is another spelling of one of our own LODE_ variables, which win. Main thread
// only, before other threads start.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lode::apps {

// Sets LODE_ variables from NIM_ ones. Called once, when `serve` is the chosen command.
void adopt_nim_variables();

// The variable that a user set in place of a LODE_ one: "NIM_HTTP_API_PORT" for "LODE_PORT"; else the name itself.
std::string variable_as_set(std::string_view lode_name);

// Variables that are set, known, and say nothing here (batches are cut by tokens and never wait).
std::vector<std::string> idle_nim_variables();

}  // namespace lode::apps
