/* Letters against the distance of every pixel from every stroke, which are short to write down for these. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/canvas.h"

#include <math.h>
#include <stdlib.h>

enum { WIDTH = 90, HEIGHT = 110 };

/* On the font's grid (report/font.c), which is 0.84 as wide as it is high. */
typedef struct stroke {
    double x0, y0, x1, y1;
} stroke;
typedef struct letter {
    const char *text;
    int count;
    stroke strokes[2];
} letter;
static const letter letters[] = {{"/", 1, {{6, 0, 0, 12}}},
                                 {"-", 1, {{0, 7, 5, 7}}},
                                 {"+", 2, {{4, 3, 4, 11}, {0, 7, 8, 7}}},
                                 {".", 1, {{0, 12, 0, 12}}}};

static double distance(const stroke *s, double x, double y)
{
    double dx = s->x1 - s->x0, dy = s->y1 - s->y0, length = hypot(dx, dy);
    double along = length > 0 ? ((x - s->x0) * dx + (y - s->y0) * dy) / length : 0;
    along = fmin(fmax(along, 0), length);
    double at = length > 0 ? along / length : 0;
    return hypot(x - s->x0 - at * dx, y - s->y0 - at * dy);
}

static void check(const letter *l, double x, double y, double unit)
{
    nw_picture picture;
    nw_error err;
    assert_int_equal(nw_picture_new(WIDTH, HEIGHT, (nw_rgb){0, 0, 0}, &picture, &err), NW_OK);
    nw_text(&picture, x, y, unit, l->text, 0, (nw_rgb){255, 255, 255});
    double half = fmax(unit * 1.7 / 2, 0.6); /* of a stroke's width */
    int inked = 0;
    for (int j = 0; j < HEIGHT; j++)
        for (int i = 0; i < WIDTH; i++) {
            double share = 0;
            for (int k = 0; k < l->count; k++) {
                stroke s = l->strokes[k];
                s = (stroke){x + 0.84 * unit * s.x0, y + unit * s.y0, x + 0.84 * unit * s.x1,
                             y + unit * s.y1};
                share = fmax(share, half + 0.5 - distance(&s, i + 0.5, j + 0.5));
            }
            int wanted = (int)lrint(255 * fmin(share, 1)), got = picture.rgb[3 * (j * WIDTH + i)];
            if (abs(got - wanted) > 1) fail_msg("%s at %d, %d: %d for %d", l->text, i, j, got, wanted);
            inked += got > 0;
        }
    assert_true(x < 0 || inked > 2);
    nw_picture_free(&picture);
}

static void strokes_are_as_wide_as_they_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        check(&letters[i], 18, 17, 1.15);
        check(&letters[i], 12.3, 9.8, 1);
        check(&letters[i], 20.6, 15.1, 5.5);
        check(&letters[i], -2.4, 101.7, 0.6); /* partly outside */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(strokes_are_as_wide_as_they_should)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
