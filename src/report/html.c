#include "report/html.h"

#include "base/file.h"
#include "base/memory.h"
#include "report/font.h"

#include <locale.h>
#include <math.h>
#include <narrows/version.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nw_html_free(nw_html *html)
{
    nw_free(html->data);
    memset(html, 0, sizeof *html);
}

void nw_html_fail(nw_html *html, nw_status status, const char *format, ...)
{
    if (html->status != NW_OK) return;
    va_list args;
    va_start(args, format);
    html->status = nw_vfail(&html->error, status, format, args);
    va_end(args);
}

nw_status nw_html_write(nw_html *html, const char *path, nw_error *err)
{
    if (html->status == NW_OK) return nw_file_write(path, html->data, html->size, err);
    if (err) *err = html->error;
    return nw_fail_within(err, html->status, "%s", path);
}

static void put(nw_html *html, const char *data, size_t size)
{
    if (html->status != NW_OK) return;
    if (html->capacity - html->size < size) {
        size_t capacity = html->capacity ? html->capacity : 65536;
        while (capacity - html->size < size) capacity *= 2;
        char *grown = nw_realloc(html->data, capacity, 1);
        if (!grown) {
            html->status = nw_no_memory(&html->error, capacity, "a page");
            return;
        }
        html->data = grown;
        html->capacity = capacity;
    }
    memcpy(html->data + html->size, data, size);
    html->size += size;
}

void nw_html_append(nw_html *html, nw_html *other)
{
    if (html->status == NW_OK && other->status != NW_OK) {
        html->status = other->status;
        html->error = other->error;
    }
    put(html, other->data, other->size);
    nw_html_free(other);
}

void nw_html_raw(nw_html *html, const char *markup)
{
    put(html, markup, strlen(markup));
}

void nw_html_format(nw_html *html, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= sizeof text)
        nw_html_fail(html, NW_FAILED, "a piece of a page is longer than %zu bytes", sizeof text);
    else
        put(html, text, (size_t)length);
}

static void put_utf8(nw_html *html, uint32_t c)
{
    char bytes[4];
    size_t n = 0;
    if (c < 0x80) {
        bytes[n++] = (char)c;
    } else {
        int tail = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
        static const unsigned lead[] = {0, 0xc0, 0xe0, 0xf0};
        bytes[n++] = (char)(lead[tail] | c >> (6 * tail));
        while (tail-- > 0) bytes[n++] = (char)(0x80 | (c >> (6 * tail) & 0x3f));
    }
    put(html, bytes, n);
}

void nw_html_text(nw_html *html, const char *text)
{
    if (!text) return;
    for (uint32_t c; (c = nw_font_next(&text));) {
        bool control = (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0);
        /* Marks that turn the direction of what follows could make a page read otherwise than it is. */
        bool turning = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
        switch (c) {
        case '&': nw_html_raw(html, "&amp;"); break;
        case '<': nw_html_raw(html, "&lt;"); break;
        case '>': nw_html_raw(html, "&gt;"); break;
        case '"': nw_html_raw(html, "&quot;"); break;
        case '\'': nw_html_raw(html, "&#39;"); break;
        default: put_utf8(html, control || turning || (c >= 0xd800 && c < 0xe000) ? 0xfffd : c);
        }
    }
}

void nw_html_link(nw_html *html, const char *path)
{
    /* "./" in front keeps "javascript:..." and "//host" paths. */
    nw_html_raw(html, "./");
    for (const char *p = path; p && *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                     strchr("-_.~/", *p);
        if (plain)
            put(html, p, 1);
        else
            nw_html_format(html, "%%%02X", (unsigned)(unsigned char)*p);
    }
}

typedef enum number_form { FIXED, TYPESET /* fixed, with a true minus sign */, SHORTEST } number_form;

static void number(nw_html *html, number_form form, int digits, double value)
{
    char text[400];
    if (!isfinite(value)) {
        nw_html_fail(html, NW_NOT_FINITE, "%s: a number of the report is not finite",
                     html->where ? html->where : "page");
        return;
    }
    if (form != SHORTEST)
        snprintf(text, sizeof text, "%.*f", digits, value);
    else
        snprintf(text, sizeof text, "%.*g", digits, value);
    const char *point = localeconv()->decimal_point;
    char *at = point && strcmp(point, ".") != 0 ? strstr(text, point) : NULL;
    if (at) {
        *at = '.';
        memmove(at + 1, at + strlen(point), strlen(at + strlen(point)) + 1);
    }
    bool minus = text[0] == '-', zero = strspn(text, "-0.") == strlen(text);
    if (minus && !zero) nw_html_raw(html, form == TYPESET ? "\xe2\x88\x92" : "-");
    nw_html_raw(html, minus ? text + 1 : text);
}

void nw_html_decimal(nw_html *html, double value, int decimals)
{
    number(html, FIXED, decimals, value);
}

void nw_html_coordinate(nw_html *html, double value)
{
    if (!isfinite(value)) {
        nw_html_decimal(html, value, 0);
        return;
    }
    long hundredths = lrint(100 * value);
    if (hundredths % 10 == 0)
        nw_html_decimal(html, value, hundredths % 100 ? 1 : 0);
    else
        nw_html_decimal(html, value, 2);
}

void nw_html_value(nw_html *html, double value, int decimals, const char *unit)
{
    nw_html_raw(html, "<data value=\"");
    number(html, SHORTEST, 9, value);
    nw_html_raw(html, "\">");
    number(html, TYPESET, decimals, value);
    nw_html_raw(html, "</data>");
    if (unit && unit[0]) {
        nw_html_raw(html, "\xc2\xa0<small>");
        nw_html_text(html, unit);
        nw_html_raw(html, "</small>");
    }
}

void nw_html_integer(nw_html *html, int64_t value)
{
    nw_html_format(html, "<data value=\"%lld\">%lld</data>", (long long)value, (long long)value);
}

void nw_html_percent(nw_html *html, double share)
{
    nw_html_raw(html, "<data value=\"");
    number(html, SHORTEST, 9, share);
    nw_html_raw(html, "\">");
    number(html, TYPESET, 1, 100 * share);
    nw_html_raw(html, "</data>");
}

void nw_html_share(nw_html *html, double share)
{
    nw_html_percent(html, share);
    nw_html_raw(html, "\xc2\xa0<small>%</small>");
}

void nw_html_png(nw_html *html, const nw_raster *raster)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (html->status != NW_OK) return;
    unsigned char *png = NULL;
    size_t size = 0;
    html->status = nw_raster_png(raster, &png, &size, &html->error);
    if (html->status != NW_OK) return;
    nw_html_raw(html, "data:image/png;base64,");
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned bits = (unsigned)png[i] << 16 | (left > 1 ? (unsigned)png[i + 1] << 8 : 0) |
                        (left > 2 ? (unsigned)png[i + 2] : 0);
        char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63], digits[bits >> 6 & 63],
                        digits[bits & 63]};
        if (left < 3) four[3] = '=';
        if (left < 2) four[2] = '=';
        put(html, four, sizeof four);
    }
    free(png);
}

/* Nothing may be fetched: the policy says it to the browser, too. */
void nw_html_begin(nw_html *html, const char *title)
{
    nw_html_raw(html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                      "img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                      "<meta name=\"color-scheme\" content=\"light dark\">\n"
                      "<meta name=\"generator\" content=\"Narrows ");
    nw_html_text(html, nw_version());
    nw_html_raw(html, "\">\n<link rel=\"icon\" href=\"data:,\">\n<title>");
    nw_html_text(html, title);
    nw_html_raw(html, "</title>\n<style>\n");
    for (const char *const *piece = nw_page_css; *piece; piece++) nw_html_raw(html, *piece);
    nw_html_raw(html, "</style>\n</head>\n<body>\n<main>\n");
}

void nw_html_end(nw_html *html)
{
    nw_html_end_about(html,
                      "This page shows what a classifier needed for its prediction. It is not a diagnosis "
                      "and must not be used for one.");
}

void nw_html_end_about(nw_html *html, const char *about)
{
    nw_html_raw(html, "</main>\n<footer>\n<p><strong>Research software, not a medical device.</strong> ");
    nw_html_raw(html, about);
    nw_html_raw(html, "</p>\n<p>Made by Narrows ");
    nw_html_text(html, nw_version());
    nw_html_raw(html, ". The page is complete in itself and fetches nothing.</p>\n</footer>\n<script>\n");
    for (const char *const *piece = nw_page_js; *piece; piece++) nw_html_raw(html, *piece);
    nw_html_raw(html, "</script>\n</body>\n</html>\n");
}
