# Compile options that every target shares.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(lode_options INTERFACE)
target_include_directories(lode_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
# Baseline x86-64-v2: anything wider lives in a target region and is chosen at run time (kernels/cpu.h).
# No contraction: a multiply and an add are fused only where the source says so, so every path rounds alike.
target_compile_options(lode_options INTERFACE
  -march=x86-64-v2 -ffp-contract=off -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  $<$<BOOL:${LODE_WERROR}>:-Werror>)
if(LODE_SANITIZE)
  target_compile_options(lode_options INTERFACE -fsanitize=${LODE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(lode_options INTERFACE -fsanitize=${LODE_SANITIZE})
endif()
