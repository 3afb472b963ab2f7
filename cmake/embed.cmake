# lode_embed(TARGET FILE SYMBOL): the bytes of FILE become part of TARGET; `std::string_view lode::embedded::SYMBOL()`,
# declared where it is used, gives them. The assembler reads the file, so its size costs no compile time, and a changed
# file rebuilds one object. FILE may be the output of a custom command of the same directory.
function(lode_embed target file symbol)
  get_filename_component(path ${file} ABSOLUTE)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded/${symbol}.cc)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
#include <string_view>

__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    ".hidden lode_embedded_@symbol@\n"
    ".globl lode_embedded_@symbol@\n"
    "lode_embedded_@symbol@:\n"
    ".incbin \"@path@\"\n"
    ".hidden lode_embedded_@symbol@_end\n"
    ".globl lode_embedded_@symbol@_end\n"
    "lode_embedded_@symbol@_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern "C" const char lode_embedded_@symbol@[];
extern "C" const char lode_embedded_@symbol@_end[];

namespace lode::embedded {

std::string_view @symbol@();  // each user declares it for itself

std::string_view @symbol@() {
  return {lode_embedded_@symbol@, static_cast<std::string_view::size_type>(lode_embedded_@symbol@_end - lode_embedded_@symbol@)};
}

}  // namespace lode::embedded
]])
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${path} SKIP_UNITY_BUILD_INCLUSION ON)
  target_sources(${target} PRIVATE ${source})
endfunction()
