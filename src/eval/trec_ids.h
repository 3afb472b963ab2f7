// Ids in a TREC run, whose fields white space ends: `a b` is written as `a%20b`. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace lode::eval {

// The id without white space and control characters: each of them, and each % of such an id, is % and two hexadecimal
// digits. Other ids stay as they are, but one that reads like such a form has its % written so too.
std::string trec_id(std::string_view id);

// What trec_id was given. Whatever it has not made stays as it is, unless every % in it stands before 00 to 20 or 25.
std::string id_of_trec(std::string_view written);

}  // namespace lode::eval
