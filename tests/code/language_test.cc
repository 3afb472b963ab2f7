#include "code/language.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace lode::code {
namespace {

TEST(Language, IsKnownByThePath) {
  EXPECT_EQ(language_of("src/a/b.py"), Language::python);
  EXPECT_EQ(language_of("A.PY"), Language::python);
  EXPECT_EQ(language_of("include/x.h"), Language::cpp);
  EXPECT_EQ(language_of("x.c"), Language::c);
  EXPECT_EQ(language_of("web/App.tsx"), Language::tsx);
  EXPECT_EQ(language_of("a/Makefile"), Language::make);
  EXPECT_EQ(language_of("a/CMakeLists.txt"), Language::make) << "a file name beats its extension";
  EXPECT_EQ(language_of("README"), Language::markdown);
  EXPECT_EQ(language_of("LICENSE"), Language::text);
  EXPECT_EQ(language_of("py"), Language::text) << "that is a name, not an extension";
  EXPECT_EQ(language_of("dir.py/"), Language::text);
  EXPECT_EQ(language_of(""), Language::text);
}

TEST(Language, HasNamesToFilterBy) {
  EXPECT_EQ(language_named("py"), Language::python);
  EXPECT_EQ(language_named(".py"), Language::python);
  EXPECT_EQ(language_named("Python"), Language::python);
  EXPECT_EQ(language_named("c++"), Language::cpp);
  EXPECT_EQ(language_named("rs"), Language::rust);
  EXPECT_EQ(language_named("klingon"), std::nullopt);
  EXPECT_EQ(language_named(""), std::nullopt);
  for (size_t i = 0; i < kLanguages; ++i) {
    const auto language = static_cast<Language>(i);
    EXPECT_EQ(language_named(name_of(language)), language) << name_of(language);
  }
  const std::vector<std::string_view> names = language_names();
  EXPECT_EQ(names.front(), name_of(Language::text));
  for (const std::string_view name : {"python", "py", "c++", "markdown", "md", "tpp"}) {
    EXPECT_EQ(std::ranges::count(names, name), 1) << name;
  }
  for (const std::string_view name : names) EXPECT_TRUE(language_named(name)) << name;
}

}  // namespace
}  // namespace lode::code
