// Which MTEB's rules a task is computed by, where they differ: v1 is mteb 1.12 of May 2024, which the model cards of
// the time used, v2 is today's.
#pragma once

namespace lode::eval {

enum class Rules : unsigned char { mteb_v1, mteb_v2 };

}  // namespace lode::eval
