/* Numbers as text with a decimal point, whatever the locale of the process is. */
#ifndef NW_BASE_NUMBER_H
#define NW_BASE_NUMBER_H

#include <stdbool.h>

enum { NW_NUMBER_TEXT = 40 };

/* With so many significant digits (17: every double is read back as it was); returns text[NW_NUMBER_TEXT]. */
char *nw_number_text(double value, int digits, char *text);

/* The whole text as one finite number, without space; false otherwise, *out untouched then. */
bool nw_number_parse(const char *text, double *out);

#endif
