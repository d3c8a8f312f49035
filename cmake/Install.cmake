# What `make install` puts where: the shared library with its SONAME, the program, the public headers, a
# pkg-config file and a CMake package. All of it may be moved as a whole: paths inside are relative.
include(CMakePackageConfigHelpers)

file(RELATIVE_PATH BIN_TO_LIB /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
install(TARGETS narrows EXPORT narrows LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET narrows_cli)
  set_target_properties(narrows_cli PROPERTIES INSTALL_RPATH "\$ORIGIN/${BIN_TO_LIB}")
  install(TARGETS narrows_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/narrows DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")

set(PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/narrows)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/narrows-config.cmake.in
  ${PROJECT_BINARY_DIR}/narrows-config.cmake INSTALL_DESTINATION ${PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/narrows-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(EXPORT narrows NAMESPACE narrows:: FILE narrows-targets.cmake DESTINATION ${PACKAGE_DIR})
install(FILES ${PROJECT_BINARY_DIR}/narrows-config.cmake ${PROJECT_BINARY_DIR}/narrows-config-version.cmake
        DESTINATION ${PACKAGE_DIR})

file(RELATIVE_PATH PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" PC_TO_PREFIX "${PC_TO_PREFIX}")
configure_file(${CMAKE_CURRENT_LIST_DIR}/narrows.pc.in ${PROJECT_BINARY_DIR}/narrows.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/narrows.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
