#include "index/query_parts.h"

#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace lode::index {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kIssue = R"(
QuerySet.filter() fails with `Q` objects
It breaks in django/db/models/query.py, see django.db.models.Q.

```python
from app import run_all
run_all(3)
```

    Traceback (most recent call last):
      File "/usr/lib/django/db/models/query.py", line 12, in filter
      File "manage.py", line 3, in <module>

Thanks.
)";

TEST(QueryParts, AnIssueIsTakenApart) {
  const QueryParts parts = take_apart(kIssue);
  EXPECT_EQ(parts.title, "QuerySet.filter() fails with `Q` objects");
  EXPECT_THAT(parts.prose, HasSubstr("It breaks"));
  EXPECT_THAT(parts.prose, Not(HasSubstr("run_all")));
  EXPECT_THAT(parts.code, HasSubstr("run_all(3)"));
  EXPECT_THAT(parts.code, HasSubstr("Traceback"));
  EXPECT_THAT(parts.paths, Contains("django/db/models/query.py"));
  EXPECT_THAT(parts.modules, Contains("django.db.models.Q"));
  EXPECT_THAT(parts.frames, ElementsAre("/usr/lib/django/db/models/query.py", "manage.py"));
  const auto run_all = std::ranges::find(parts.identifiers, "run_all", &NamedIdentifier::name);
  ASSERT_NE(run_all, parts.identifiers.end());
  EXPECT_EQ(run_all->n, 2U);
  EXPECT_TRUE(run_all->in_code && run_all->is_marked && !run_all->in_title);
  const auto thanks = std::ranges::find(parts.identifiers, "Thanks", &NamedIdentifier::name);
  ASSERT_NE(thanks, parts.identifiers.end());
  EXPECT_FALSE(thanks->is_marked) << "a capital in front alone makes no name";
}

TEST(QueryParts, AFewWordsAreATitle) {
  const QueryParts parts = take_apart("where is the token checked");
  EXPECT_EQ(parts.title, parts.all);
  EXPECT_THAT(parts.code, IsEmpty());
  EXPECT_THAT(parts.paths, IsEmpty());
}

TEST(QueryParts, WhatAFormTellsItsWritersIsLeftOut) {
  const QueryParts parts = take_apart(
      "<!-- Thanks for the report!\nPlease search first. -->\nrun_all fails\n\nsince 2.0 <!-- which version? --> of "
      "it\n"
      "```html\n<!-- kept -->\n```\n<!-- open");
  EXPECT_EQ(parts.title, "run_all fails");
  EXPECT_THAT(parts.all, Not(HasSubstr("Please")));
  EXPECT_THAT(parts.prose, HasSubstr("since 2.0  of it"));
  EXPECT_THAT(parts.code, HasSubstr("kept"));
  EXPECT_THAT(parts.all, HasSubstr("<!-- open"));
  EXPECT_EQ(take_apart("<!-- header -->").title, "<!-- header -->");
}

TEST(QueryParts, FramesOfIPythonAreFrames) {
  const QueryParts parts = take_apart(
      "Fails\n\n```\n~/lib/app/run.py in run(x)\n~/lib/app/core.py in <module>\n```\nIt is in other.py in any case.\n");
  EXPECT_THAT(parts.frames, ElementsAre("~/lib/app/run.py", "~/lib/app/core.py"));
}

RC_GTEST_PROP(QueryParts, NothingBreaksThem, (const std::string& text)) {
  const QueryParts parts = take_apart(text + "\n<!--" + text + "\n```\n`" + text);
  RC_ASSERT(parts.identifiers.size() <= parts.all.size());
}

}  // namespace
}  // namespace lode::index
