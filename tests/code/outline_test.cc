#include "code/outline.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace lode::code {
namespace {

bool has_grammars() {
  return !outline(Language::python, "def f(): pass\n").empty();
}

// "kind qualified.name first-end_line" of each, where first is the line where it begins with all that belongs to it.
std::vector<std::string> described(Language language, std::string_view text) {
  const std::vector<Symbol> symbols = outline(language, text);
  std::vector<std::string> out;
  for (size_t i = 0; i < symbols.size(); ++i) {
    const std::string_view before = text.substr(0, symbols[i].begin);
    const auto first = 1 + std::count(before.begin(), before.end(), '\n');
    out.push_back(std::string(name_of(symbols[i].kind)) + " " + qualified_name(symbols, static_cast<int32_t>(i)) + " " +
                  std::to_string(first) + "-" + std::to_string(symbols[i].end_line));
    EXPECT_LT(symbols[i].parent, static_cast<int32_t>(i));
    EXPECT_LE(symbols[i].begin, symbols[i].name_at);
    EXPECT_LE(symbols[i].end, text.size());
    EXPECT_EQ(text.substr(symbols[i].name_at, 1).empty(), false);
  }
  return out;
}

using Lines = std::vector<std::string>;

class Outline : public ::testing::Test {
  void SetUp() override {
    if (!has_grammars()) GTEST_SKIP() << "built without grammars: run tools/grammars and configure again";
  }
};

TEST_F(Outline, Python) {
  EXPECT_EQ(described(Language::python, R"(LIMIT = 3

# What it is for.
@decorated
class Parser(Base):
    size: int = 4

    def parse(self, text):
        x = 1
        def inner():
            pass
        return x

async def main():
    pass
)"),
            (Lines{"constant LIMIT 1-1", "class Parser 3-12", "constant Parser.size 6-6", "method Parser.parse 8-12",
                   "function Parser.parse.inner 10-11", "function main 14-15"}));
}

TEST_F(Outline, CppAndC) {
  EXPECT_EQ(described(Language::cpp, R"(#define TWICE(x) (2 * (x))
namespace a::b {
/// Holds.
template <class T>
class Box : Base {
 public:
  int get() const { return 1; }
  ~Box() {}
};
enum class Colour { red };
struct Later;
int* Box<int>::find(int x) {
  return nullptr;
}
void Box<int>::Inner::go() {}
}
)"),
            (Lines{"macro TWICE 1-1", "module a::b 2-16", "class a::b.Box 3-9", "method a::b.Box.get 7-7",
                   "method a::b.Box.~Box 8-8", "enum a::b.Colour 10-10", "method a::b.Box.find 12-14",
                   "method a::b.Box.Inner.go 15-15"}));
  EXPECT_EQ(
      described(Language::c, "typedef struct point { int x; } point_t;\nstatic char **names(void) { return 0; }\n"),
      (Lines{"type point_t 1-1", "struct point_t.point 1-1", "function names 2-2"}));
}

TEST_F(Outline, JavaScriptAndTypeScript) {
  EXPECT_EQ(described(Language::javascript, R"(/** Adds. */
export function add(a, b) { return a + b; }
export const twice = (x) => 2 * x, LIMIT = 3;
class A { go() { const t = 1; } }
)"),
            (Lines{"function add 1-2", "function twice 3-3", "constant LIMIT 3-3", "class A 4-4", "method A.go 4-4"}));
  EXPECT_EQ(described(Language::typescript, R"(interface Shape { area(): number }
type Id = string
enum E { a }
abstract class B<T> { run(): void {} }
)"),
            (Lines{"interface Shape 1-1", "type Id 2-2", "enum E 3-3", "class B 4-4", "method B.run 4-4"}));
  EXPECT_EQ(described(Language::tsx, "export const App = () => <div/>;\n"), (Lines{"function App 1-1"}));
}

TEST_F(Outline, GoJavaRust) {
  EXPECT_EQ(described(Language::go, R"(package p
// Server serves.
type Server struct { x int }
type Doer interface { Do() }
const Max = 3
func New() *Server { return nil }
func (s *Server) Run() {}
func (Pair[K, V]) Swap() {}
)"),
            (Lines{"struct Server 2-3", "interface Doer 4-4", "constant Max 5-5", "function New 6-6",
                   "method Server.Run 7-7", "method Pair.Swap 8-8"}));
  EXPECT_EQ(described(Language::java, R"(class A extends B {
  @Override
  public int size() { return 0; }
  A() {}
  enum Kind { x }
}
)"),
            (Lines{"class A 1-6", "method A.size 2-3", "method A.A 4-4", "enum A.Kind 5-5"}));
  EXPECT_EQ(described(Language::rust, R"(#[derive(Debug)]
pub struct Point { x: i32 }
impl<T> Shape for Point<T> {
    fn area(&self) -> f32 { 0.0 }
}
trait Shape { fn area(&self) -> f32; }
macro_rules! m { () => {} }
)"),
            (Lines{"struct Point 1-2", "class Point 3-5", "method Point.area 4-4", "interface Shape 6-6",
                   "method Shape.area 6-6", "macro m 7-7"}));
}

TEST_F(Outline, RubyAndPhp) {
  EXPECT_EQ(
      described(Language::ruby, "module M\n  class A < B\n    def go?\n    end\n    def self.make; end\n  end\nend\n"),
      (Lines{"module M 1-7", "class M.A 2-6", "method M.A.go? 3-4", "method M.A.make 5-5"}));
  EXPECT_EQ(described(Language::php, "<?php\nnamespace App;\nclass A { function go() {} }\nfunction free() {}\n"),
            (Lines{"module App 2-2", "class A 3-3", "method A.go 3-3", "function free 4-4"}));
}

TEST(OutlineOfProse, HasTheHeadings) {
  EXPECT_EQ(described(Language::markdown, "# One\ntext\n## Two ##\n```\n# no heading\n```\nThree\n=====\nend\n"),
            (Lines{"heading One 1-6", "heading One.Two 3-6", "heading Three 7-9"}));
  EXPECT_EQ(described(Language::restructured_text, "Top\n===\n\nIn it\n-----\ntext\n\nNext\n====\n"),
            (Lines{"heading Top 1-7", "heading Top.In it 4-7", "heading Next 8-9"}));
}

TEST_F(Outline, OfWhatIsBrokenHasWhatCanBeMadeOut) {
  const std::vector<Symbol> symbols =
      outline(Language::python, "def good():\n    pass\n\ndef bad(:\n  ((((\nclass C:\n  pass\n");
  ASSERT_FALSE(symbols.empty());
  EXPECT_EQ(symbols[0].name, "good");
  EXPECT_TRUE(outline(Language::python, std::string("\0\xff\xfe", 3)).empty());
  EXPECT_TRUE(outline(Language::text, "def f(): pass").empty());
  const std::string deep = std::string(20'000, '(');
  EXPECT_TRUE(outline(Language::python, deep).empty());
}

TEST_F(Outline, SignaturesAreHeads) {
  constexpr std::string_view kText =
      "class A:\n    @x\n    def parse(\n        self, text,\n    ) -> int:\n        pass\n";
  const std::vector<Symbol> symbols = outline(Language::python, kText);
  ASSERT_EQ(symbols.size(), 2U);
  EXPECT_EQ(signature(kText, symbols[0]), "class A");
  EXPECT_EQ(signature(kText, symbols[1]), "def parse( self, text, ) -> int");
  EXPECT_LE(signature(kText, symbols[1], 10).size(), 10U);
  constexpr std::string_view kCpp = "int f(int x) {\n  return x;\n}\n";
  EXPECT_EQ(signature(kCpp, outline(Language::cpp, kCpp)[0]), "int f(int x)");
}

}  // namespace
}  // namespace lode::code
