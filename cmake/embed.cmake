# A text file as a C string constant: cmake -DSOURCE=page.css -DNAME=nw_page_css -DOUTPUT=page_css.c -P embed.cmake
file(READ ${SOURCE} text)
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
# One literal a line, since a compiler need not take a long one; lists of CMake would lose semicolons.
string(REPLACE "\n" "\\n\",\n    \"" text "${text}")
file(WRITE ${OUTPUT} "/* Made from ${NAME} by cmake/embed.cmake. */\n#include \"report/html.h\"\n\nconst char *const ${NAME}[] = {\n    \"${text}\",\n    0};\n")
