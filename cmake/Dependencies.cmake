# The libraries Narrows stands on, gathered in narrows_deps. `make deps` installs them on Debian.
find_package(PkgConfig REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(SPNG REQUIRED IMPORTED_TARGET spng)
pkg_check_modules(DEFLATE REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
pkg_check_modules(NETTLE REQUIRED IMPORTED_TARGET nettle)
pkg_check_modules(OPENJPEG REQUIRED IMPORTED_TARGET libopenjp2)
find_package(ZLIB REQUIRED)

function(narrows_library out header library hint)
  find_path(${out}_INCLUDE ${header} PATH_SUFFIXES nifti)
  find_library(${out}_LIBRARY ${library})
  if(NOT ${out}_INCLUDE OR NOT ${out}_LIBRARY)
    message(FATAL_ERROR "${header} or lib${library} is missing: install ${hint} (make deps does)")
  endif()
endfunction()
# By header and library: oneDNN's own CMake package wants OpenCL headers.
narrows_library(DNNL dnnl.h dnnl libdnnl-dev)
narrows_library(NIFTI2 nifti2_io.h nifti2 libnifti2-dev)
find_library(ZNZ_LIBRARY znz REQUIRED)
narrows_library(DCMTK dcmtk/dcmdata/dctk.h dcmdata libdcmtk-dev)
# Of DCMTK only what decodes: its pkg-config file names the network and the rest too.
set(DCMTK_LIBRARIES dcmjpeg ijg8 ijg12 ijg16 dcmjpls dcmtkcharls dcmimage dcmimgle dcmdata oflog ofstd)
find_path(RANDOM123_INCLUDE Random123/philox.h REQUIRED)
find_program(PROTOC_C protoc-c REQUIRED)
find_path(ONNX_PROTO_DIR onnx/onnx.proto REQUIRED)

add_library(narrows_deps INTERFACE)
target_include_directories(narrows_deps SYSTEM INTERFACE ${DNNL_INCLUDE} ${NIFTI2_INCLUDE} ${RANDOM123_INCLUDE})
# Those in C++ first: they have nine tenths of the names that are looked up whenever the program starts, library by
# library in this order (half a millisecond of seven).
target_link_libraries(narrows_deps INTERFACE ${DCMTK_LIBRARIES} stdc++ ${DNNL_LIBRARY} PkgConfig::JANSSON PkgConfig::PROTOBUF_C
  PkgConfig::SPNG PkgConfig::DEFLATE PkgConfig::TURBOJPEG PkgConfig::NETTLE PkgConfig::OPENJPEG ${NIFTI2_LIBRARY} ${ZNZ_LIBRARY}
  ZLIB::ZLIB m)

# OpenMP: gcc's, which is the one oneDNN is linked with. clang gets the SIMD pragmas alone.
find_package(Threads REQUIRED)
target_link_libraries(narrows_deps INTERFACE Threads::Threads)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(narrows_deps INTERFACE -fopenmp)
  target_link_options(narrows_deps INTERFACE -fopenmp)
else()
  target_compile_options(narrows_deps INTERFACE -fopenmp-simd)
endif()
