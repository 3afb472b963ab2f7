#include "eval/summaries.h"

#include <fmt/format.h>

#include "eval/jsonl.h"

namespace lode::eval {

Result<std::vector<SummarizedText>> read_summaries(const std::filesystem::path& file) {
  std::vector<SummarizedText> out;
  LODE_TRY(each_row(file, [&](const Row& row) -> Status {
    SummarizedText text;
    LODE_ASSIGN(text.human, row.texts("human_summaries"));
    LODE_ASSIGN(text.machine, row.texts("machine_summaries"));
    LODE_ASSIGN(text.marks, row.numbers("relevance"));
    if (text.human.empty() || text.machine.size() < 3 || text.machine.size() != text.marks.size()) {
      return fail(Code::corrupt,
                  fmt::format("{}: {} summaries by people, {} by machines and {} marks; 1, 3 and as many marks were "
                              "expected at least",
                              row.where(), text.human.size(), text.machine.size(), text.marks.size()));
    }
    out.push_back(std::move(text));
    return {};
  }));
  if (out.empty()) return fail(Code::corrupt, fmt::format("{} has no text", file.string()));
  return out;
}

}  // namespace lode::eval
