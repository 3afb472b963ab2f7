// The rows of the task registry, by where they come from. Static data; any thread.
#pragma once

#include <span>

#include "eval/tasks.h"

namespace lode::eval {

std::span<const Task> mteb_retrieval_tasks();
std::span<const Task> mteb_text_tasks();
std::span<const Task> code_tasks();

}  // namespace lode::eval
