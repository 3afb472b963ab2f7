# The tree-sitter grammars that tools/grammars fetched, as one static library, lode_grammars. Without them LODE_GRAMMARS is off
# and lode knows no symbols: it still builds, and cuts source files by lines. They are generated C of up to half a million lines,
# so they are compiled without our warnings and sanitizers.
set(LODE_GRAMMARS OFF)
set(grammars_dir ${PROJECT_SOURCE_DIR}/grammars/node_modules)
if(EXISTS ${grammars_dir}/.stamp)
  set(LODE_GRAMMARS ON)
  add_library(lode_grammars STATIC)
  foreach(folder c cpp go java javascript php/php python ruby rust typescript/typescript typescript/tsx)
    set(source_dir ${grammars_dir}/tree-sitter-${folder}/src)
    file(GLOB sources ${source_dir}/parser.c ${source_dir}/scanner.c)
    target_sources(lode_grammars PRIVATE ${sources})
    set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS -I${source_dir})
  endforeach()
  target_compile_options(lode_grammars PRIVATE -w -O2 -g0 -march=x86-64-v2)
  set_target_properties(lode_grammars PROPERTIES UNITY_BUILD OFF)
else()
  message(STATUS "No tree-sitter grammars in grammars/node_modules (tools/grammars gets them): files are cut by lines")
endif()
