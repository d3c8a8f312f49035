/* Comparisons and logic: booleans, no gradient. */
#include "ops/binary.h"

#define TRUTH(name, expression)                                                                              \
    static double name(double a, double b)                                                                   \
    {                                                                                                        \
        return expression;                                                                                   \
    }

TRUTH(equal, a == b)
NW_COMPARE(Equal, 7, equal);
TRUTH(greater, a > b)
NW_COMPARE(Greater, 7, greater);
TRUTH(greater_or_equal, a >= b)
NW_COMPARE(GreaterOrEqual, 12, greater_or_equal);
TRUTH(less, a < b)
NW_COMPARE(Less, 7, less);
TRUTH(less_or_equal, a <= b)
NW_COMPARE(LessOrEqual, 12, less_or_equal);
TRUTH(both, a != 0 && b != 0)
NW_COMPARE(And, 7, both);
TRUTH(either, a != 0 || b != 0)
NW_COMPARE(Or, 7, either);
TRUTH(just_one, (a != 0) != (b != 0))
NW_COMPARE(Xor, 7, just_one);
