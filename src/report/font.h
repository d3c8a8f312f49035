/* A small stroke font: proportional, ASCII and a few more. */
#ifndef NW_REPORT_FONT_H
#define NW_REPORT_FONT_H

#include <stdint.h>

/* Grid of a glyph: y 0 is the top of capitals, 4 of small letters, 12 the baseline, 16 the descenders. */
enum { NW_FONT_CAPITAL = 12, NW_FONT_LINE = 20 };

/* The strokes of a character (Unicode); those of '?' where there are none.
 *
 * Strokes are separated by a space. A point is two digits, x and y, in base 17 (0-9, a-g). A point after '~'
 * is the control point of a quadratic Bezier curve to the next. A lone point is a dot. */
const char *nw_font_strokes(uint32_t character);

/* Reads one character of UTF-8 and moves on; U+FFFD for a broken one. 0 at the end. */
uint32_t nw_font_next(const char **text);

#endif
