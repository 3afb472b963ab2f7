# usearch, the headers that tools/headers fetched, as lode_usearch. Without them LODE_USEARCH is off and lode compares a query with
# every vector, however many there are. Only index.hpp, the graph itself, is included: products of vectors are our own.
set(LODE_USEARCH OFF)
set(usearch_dir ${PROJECT_SOURCE_DIR}/headers/node_modules/usearch/include)
if(EXISTS ${usearch_dir}/usearch/index.hpp)
  set(LODE_USEARCH ON)
  add_library(lode_usearch INTERFACE)
  target_include_directories(lode_usearch SYSTEM INTERFACE ${usearch_dir})
else()
  message(STATUS "No usearch in headers/node_modules (tools/headers gets it): vectors are searched without a graph")
endif()
