/* Reading a page back: its elements, balanced or not, and its text. A small reader of the HTML that the
 * library writes: no optional end tags, attributes in double quotes. */
#ifndef NW_TESTS_REPORT_PAGE_H
#define NW_TESTS_REPORT_PAGE_H

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline bool page_is_void(const char *name)
{
    static const char *const names[] = {"meta", "link", "img", "input", "br"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

/* Whether every element is closed where it should be and every attribute quoted; else why not. */
static inline bool page_balanced(const char *html, char *why, size_t size)
{
    char stack[64][24];
    int depth = 0;
    const char *p = html;
    if (strncmp(p, "<!DOCTYPE html>", 15) != 0) return snprintf(why, size, "no doctype"), false;
    for (p += 15; *p;) {
        if (*p == '>') return snprintf(why, size, "a bare > at byte %td", p - html), false;
        if (*p == '&') {
            const char *end = strchr(p, ';');
            if (!end || end - p > 8) return snprintf(why, size, "a bare & at byte %td", p - html), false;
        }
        if (*p++ != '<') continue;
        bool closing = *p == '/';
        if (closing) p++;
        char name[24];
        size_t n = 0;
        while (isalnum((unsigned char)*p) && n + 1 < sizeof name) name[n++] = *p++;
        name[n] = 0;
        if (!n) return snprintf(why, size, "a bare < at byte %td", p - html), false;
        while (*p && *p != '>') {
            if (*p == '<') return snprintf(why, size, "< within <%s> at byte %td", name, p - html), false;
            if (*p == '"') {
                p = strchr(p + 1, '"');
                if (!p) return snprintf(why, size, "an open quote in <%s>", name), false;
            }
            p++;
        }
        bool empty = p[-1] == '/' || page_is_void(name);
        if (!*p++) return snprintf(why, size, "<%s> does not end", name), false;
        if (closing) {
            if (!depth || strcmp(stack[--depth], name) != 0)
                return snprintf(why, size, "</%s> closes <%.20s> at byte %td", name,
                                depth >= 0 ? stack[depth] : "", p - html),
                       false;
        } else if (!empty) {
            if (depth == 64) return snprintf(why, size, "too deep"), false;
            strcpy(stack[depth++], name);
            if (strcmp(name, "script") == 0 || strcmp(name, "style") == 0) { /* raw text */
                char end[32];
                snprintf(end, sizeof end, "</%s>", name);
                p = strstr(p, end);
                if (!p) return snprintf(why, size, "<%s> does not end", name), false;
            }
        }
    }
    if (depth) return snprintf(why, size, "<%.20s> is never closed", stack[depth - 1]), false;
    return true;
}

static inline size_t page_count(const char *html, const char *piece)
{
    size_t n = 0;
    for (const char *p = html; (p = strstr(p, piece)); p += strlen(piece)) n++;
    return n;
}

/* A copy of what lies between the first `from` and the next `to` after it; NULL where there is none. free().
 */
static inline char *page_between(const char *html, const char *from, const char *to)
{
    const char *a = strstr(html, from), *b = a ? strstr(a + strlen(from), to) : NULL;
    return b ? strndup(a + strlen(from), (size_t)(b - a) - strlen(from)) : NULL;
}

/* The text of markup without tags and with its entities read, white space and no-break spaces as one space.
 * free(). */
static inline char *page_text(const char *markup)
{
    char *text = malloc(strlen(markup) + 1);
    size_t n = 0;
    bool inside = false;
    for (const char *p = markup; *p; p++) {
        if (*p == '<') inside = true;
        static const char *const entities[] = {"&amp;&", "&lt;<", "&gt;>", "&quot;\"", "&#39;'"};
        for (size_t e = 0; !inside && e < sizeof entities / sizeof entities[0]; e++) {
            size_t length = strlen(entities[e]) - 1;
            if (strncmp(p, entities[e], length) != 0) continue;
            text[n++] = entities[e][length];
            p += length;
            e = (size_t)-1; /* another may follow */
        }
        if (*p == '<') inside = true;
        if (!*p) break;
        bool gap = isspace((unsigned char)*p) || strncmp(p, "\xc2\xa0", 2) == 0;
        if ((unsigned char)*p == 0xc2 && gap) p++;
        if (!inside && !(gap && n && text[n - 1] == ' ')) text[n++] = gap ? ' ' : *p;
        if (*p == '>') inside = false;
    }
    text[n] = 0;
    return text;
}

/* The numbers of <data value="..."> in order, at most `most`. */
static inline size_t page_numbers(const char *markup, double *numbers, size_t most)
{
    size_t n = 0;
    for (const char *p = markup; (p = strstr(p, "<data value=\"")) && n < most; n++)
        numbers[n] = strtod(p += strlen("<data value=\""), NULL);
    return n;
}

#endif
