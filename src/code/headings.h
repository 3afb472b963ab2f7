// The headings of prose: `# Title` of Markdown outside of fenced code, lines underlined with punctuation in
// reStructuredText (and Markdown's two such kinds). A heading holds what stands below it up to the next of its level.
// Pure; any thread.
#pragma once

#include <string_view>
#include <vector>

#include "code/outline.h"

namespace lode::code {

std::vector<Symbol> headings(Language language, std::string_view text);

}  // namespace lode::code
