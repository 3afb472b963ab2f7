# Compile options that every target shares.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE ccache)
if(CCACHE)
  # Without this ccache leaves alone whatever uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()

add_library(lode_options INTERFACE)
target_include_directories(lode_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
# Baseline x86-64-v2: anything wider lives in a target region and is chosen at run time (kernels/cpu.h).
# No contraction: a multiply and an add are fused only where the source says so, so every path rounds alike.
target_compile_options(lode_options INTERFACE
  -march=x86-64-v2 -ffp-contract=off -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  $<$<BOOL:${LODE_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  # The deprecation is libstdc++ 12's own use of std::get_temporary_buffer; the timestamp would make every header new to ccache.
  target_compile_options(lode_options INTERFACE -Wno-deprecated-declarations -Xclang -fno-pch-timestamp)
  # A quarter of the time that the system's linker takes for a sanitized test.
  find_program(LLD ld.lld-19)
  if(LLD)
    target_link_options(lode_options INTERFACE -fuse-ld=lld)
  endif()
else()
  target_compile_options(lode_options INTERFACE -fpch-preprocess)
endif()
if(LODE_SANITIZE)
  target_compile_options(lode_options INTERFACE -fsanitize=${LODE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(lode_options INTERFACE -fsanitize=${LODE_SANITIZE})
endif()
