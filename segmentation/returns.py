"""Match returns to the purchases that they take back, within each customer.

In this order, and all returns go through one step before any goes through the next:

1. the latest earlier units of the same product at the same price;
2. whatever its product, the latest earlier line untouched so far of exactly the same amount (a refund of a whole line
   is often booked as one unit of another product, such as *Manual*);
3. the latest earlier units of the product at another price, at the lower of both prices.

The rest is unmatched. Of lines and returns of one moment the order is by invoice, product, price and quantity, which is
negative for a return; NULL comes first.

Each step is a stack: purchases are pushed, returns pop. In the order of time, the height of the stack is the running
sum of units, reflected at 0 where a return finds nothing left. A purchase keeps what lies below the lowest height after
it. Both are running sums and minima: windows, and no pairs of lines.
"""

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.money import amount_of, in_ten_thousandths, units_of
from segmentation.sales import Sales

LINE_KEYS = (s.CUSTOMER_ID, s.INVOICE_NO, s.STOCK_CODE, s.COUNTRY)

IS_PURCHASE = "is_purchase"
PRICE = "price"
POSITION = "position"  # of a line among those of its customer, in the order of time
GIVEN_BACK = "given_back"  # by the customer on all returns
SAME_PRICE = "units_at_the_same_price"
WHOLE = "whole"
OTHER_PRICE = "units_at_another_price"
LEFT_MONEY = "left_money"
KEY = "key"  # a hash of the customer and a product or an amount
SUM_OF_PRICED_UNITS = "decimal(37,12)"  # exact: quantities have 4 digits behind the point, prices 8


def lines_of_returned_products(sales: Sales, returned: DataFrame, join: str = "broadcast") -> DataFrame:
    """Return the returns of customers, and their purchases of the same products, after step 1.

    `returned` comes from `cleaning.returned_lines`; `join` is the Spark hint of
    the join with the returned products, `broadcast` where returns are few. Both further steps read it: cache it.

    Columns: customer_id, invoice_no, stock_code, country string; invoice_date timestamp_ntz; is_purchase boolean;
    units_e4 bigint, amount decimal(18,4) and price decimal(22,8), all of them positive; units_at_the_same_price bigint,
    those matched in step 1; left_money decimal(18,4), the amount that step 2 compares, NULL where there is none. Units
    are counted in ten-thousandths.
    """
    returns = _of_customers(returned.withColumn(s.LINES, F.lit(1)), is_purchase=False)
    # Equal hashes of different products only add lines that match nothing.
    returned_products = returns.select(_key(s.STOCK_CODE)).distinct().hint(join)
    bought = sales.union_of(lambda lines: _in(returned_products, _purchases(lines), s.STOCK_CODE))
    lines = _without_reversed(bought.unionByName(returns))
    in_order = lines.withColumn(POSITION, F.row_number().over(_in_time()))
    matched = _matched(in_order, SAME_PRICE, (s.STOCK_CODE, PRICE), _signed(F.col(s.UNITS_E4)))
    return matched.withColumn(LEFT_MONEY, _left_money()).drop(POSITION)


def money_taken_back(sales: Sales, of_returned_products: DataFrame, join: str = "broadcast") -> DataFrame:
    """Return one row per purchase of a customer of which a return took something back.

    `of_returned_products` comes from `lines_of_returned_products`. All rows of a customer are in one partition.

    Columns: customer_id, invoice_no, stock_code, country string; returned decimal(20,4), more than 0 and at most the
    line's amount. The sum of a customer's rows is at most what the customer gave back.
    """
    of_the_same_amount = _without_reversed(_of_the_same_amount(sales, of_returned_products, join))
    lines = of_returned_products.unionByName(_untouched(of_the_same_amount))
    # Of equal purchases, step 1 took from the last one.
    in_time = _in_time(SAME_PRICE)
    in_order = lines.repartition(s.CUSTOMER_ID).withColumns(
        {POSITION: F.row_number().over(in_time), GIVEN_BACK: _given_back(in_time)}
    )
    whole = _matched(in_order, WHOLE, (LEFT_MONEY,), _signed(_whole_lines()))
    other_price = _matched(whole, OTHER_PRICE, (s.STOCK_CODE,), _signed(_left_units()))
    return _capped(_money_of_lines(_priced(other_price)))


def _of_customers(lines: DataFrame, is_purchase: bool) -> DataFrame:
    return lines.where(F.col(s.CUSTOMER_ID).isNotNull()).select(
        *LINE_KEYS,
        s.INVOICE_DATE,
        F.lit(is_purchase).alias(IS_PURCHASE),
        F.abs(s.QUANTITY_E4).alias(s.UNITS_E4),
        F.abs(s.AMOUNT_E4).alias(s.AMOUNT_E4),
        F.abs(s.UNIT_PRICE).alias(PRICE),
        s.LINES,
    )


def _purchases(lines: DataFrame) -> DataFrame:
    """Return the sales to customers. Without units or with negative money, nothing can be taken from a sale."""
    units, amount_e4 = F.col(s.QUANTITY_E4) * F.col(s.LINES), F.col(s.AMOUNT_E4) * F.col(s.LINES)
    return _of_customers(lines.where((units > 0) & (amount_e4 >= 0)), is_purchase=True)


def _in(keys: DataFrame, lines: DataFrame, column: str, how: str = "left_semi") -> DataFrame:
    """Return the lines whose customer and value of a column are among the keys."""
    return lines.withColumn(KEY, _key(column)).join(keys, on=KEY, how=how).drop(KEY)


def _without_reversed(lines: DataFrame) -> DataFrame:
    """Return lines without those that are reversed and without their counterparts, by customer, with their amount."""
    kinds = [name for name in lines.columns if name != s.LINES]
    counted = lines.repartition(s.CUSTOMER_ID).groupBy(*kinds).agg(F.sum(s.LINES).cast("int").alias(s.LINES))
    copies = F.explode(F.array_repeat(amount_of(F.col(s.AMOUNT_E4)), F.col(s.LINES)))
    return counted.select(*kinds, copies.alias(s.AMOUNT)).drop(s.AMOUNT_E4)


def _of_the_same_amount(sales: Sales, of_returned_products: DataFrame, join: str) -> DataFrame:
    """Return the purchases of other products whose amount is what is left of a return of their customer."""
    returned_products = of_returned_products.where(~F.col(IS_PURCHASE)).select(_key(s.STOCK_CODE)).distinct()
    is_left = ~F.col(IS_PURCHASE) & F.col(LEFT_MONEY).isNotNull()
    amounts = of_returned_products.where(is_left).select(_key(in_ten_thousandths(F.col(LEFT_MONEY)))).distinct()

    def of_the_same_amount(lines: DataFrame) -> DataFrame:
        found = _in(amounts.hint(join), _purchases(lines), s.AMOUNT_E4)  # few lines
        return _in(returned_products.hint(join), found, s.STOCK_CODE, how="left_anti")

    return sales.union_of(of_the_same_amount)


def _untouched(purchases: DataFrame) -> DataFrame:
    """Complete purchases of which step 1 took nothing to the columns of `lines_of_returned_products`."""
    amount = F.col(s.AMOUNT)
    return purchases.withColumns({SAME_PRICE: F.lit(0).cast("bigint"), LEFT_MONEY: F.when(amount > 0, amount)})


def _key(column: str | Column) -> Column:
    return F.xxhash64(s.CUSTOMER_ID, column).alias(KEY)


def _in_time(*further_keys: str) -> WindowSpec:
    """Return the lines of a customer in the order of time, up to each line."""
    signed_units = F.when(F.col(IS_PURCHASE), F.col(s.UNITS_E4)).otherwise(-F.col(s.UNITS_E4))
    # Lines that are equal up to here differ in nothing that counts but the country and the rounding of their amount.
    keys = (s.INVOICE_DATE, s.INVOICE_NO, s.STOCK_CODE, PRICE, signed_units, s.COUNTRY, s.AMOUNT)
    return Window.partitionBy(s.CUSTOMER_ID).orderBy(*keys, *further_keys)


def _given_back(in_time: WindowSpec) -> Column:
    """Return the money of all returns of the line's customer."""
    everything = in_time.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    return F.sum(F.when(~F.col(IS_PURCHASE), F.col(s.AMOUNT))).over(everything)


def _signed(weight: Column) -> Column:
    return F.when(F.col(IS_PURCHASE), weight).otherwise(-weight)


def _matched(lines: DataFrame, name: str, group: tuple[str, ...], weight: Column) -> DataFrame:
    """Add a column with how much of each line's weight is matched, last in first out, within customer and group.

    The weight is positive for what can be taken of a purchase, negative for what a return seeks.
    """
    in_time = Window.partitionBy(s.CUSTOMER_ID, *group).orderBy(POSITION)
    up_to_here = in_time.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    before = in_time.rowsBetween(Window.unboundedPreceding, -1)
    # Counted from the end: Spark evaluates a frame up to the end anew for each row.
    after = Window.partitionBy(s.CUSTOMER_ID, *group).orderBy(F.col(POSITION).desc())
    after = after.rowsBetween(Window.unboundedPreceding, -1)
    weight_, sum_, floor, height = F.col("weight"), F.col("sum"), F.col("floor_before"), F.col("height")
    kept = F.greatest(F.lit(0), F.least(F.col("lowest_after"), height) - (height - weight_))
    height_before = sum_ - weight_ - F.least(F.lit(0), floor)
    return (
        lines.withColumn("weight", weight)
        .withColumn("sum", F.sum("weight").over(up_to_here))
        .withColumn("floor_before", F.min("sum").over(before))
        .withColumn("height", sum_ - F.least(F.lit(0), floor, sum_))
        .withColumn("lowest_after", F.min("height").over(after))
        .withColumn(name, F.when(weight_ > 0, weight_ - kept).otherwise(height_before - height))
        .drop("weight", "sum", "floor_before", "height", "lowest_after")
    )


def _left_money() -> Column:
    """Return what step 2 compares: the amount of an untouched purchase, and what a return has left; else NULL."""
    units, left = F.col(s.UNITS_E4), F.col(s.UNITS_E4) - F.col(SAME_PRICE)
    amount_left = F.when(left == units, F.col(s.AMOUNT)).when(~F.col(IS_PURCHASE) & (left > 0), _money(left, PRICE))
    return F.when(amount_left > 0, amount_left).cast(s.AMOUNT_OF_LINE)


def _whole_lines() -> Column:
    return F.when(F.col(LEFT_MONEY).isNotNull(), F.lit(1)).otherwise(F.lit(0)).cast("bigint")


def _left_units() -> Column:
    """Return the units left after steps 1 and 2; a line or return that was matched as a whole has none."""
    return F.when(F.col(WHOLE) == 1, F.lit(0)).otherwise(F.col(s.UNITS_E4) - F.col(SAME_PRICE)).cast("bigint")


def _priced(lines: DataFrame) -> DataFrame:
    """Return the purchases with matched units, those of step 3 split by the price of the return that took them.

    Adds: width bigint, ten-thousandths of units taken by one return in step 3, NULL where there are none; return_price.

    What is matched covers a range of the stack's height. Cut at all borders of such ranges, each slice is pushed and
    popped in turn: the row after a purchase in a slice is the return that took it. Whenever the stack of what is
    matched is empty, a new episode begins: only the borders of an episode, mostly of a few lines, are compared.
    """
    is_taken = (F.col(SAME_PRICE) > 0) | (F.col(WHOLE) > 0)
    moved = lines.where((F.col(IS_PURCHASE) & is_taken) | (F.col(OTHER_PRICE) > 0))
    in_time = Window.partitionBy(s.CUSTOMER_ID, s.STOCK_CODE).orderBy(POSITION)
    up_to_here = in_time.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    before = in_time.rowsBetween(Window.unboundedPreceding, -1)
    of_episode = Window.partitionBy(s.CUSTOMER_ID, s.STOCK_CODE, "episode")
    of_slice = Window.partitionBy(s.CUSTOMER_ID, s.STOCK_CODE, "episode", "slice.top").orderBy(POSITION)
    low, high, borders = F.col("low"), F.col("high"), F.col("borders")
    inside = F.filter(borders, lambda border: (border > low) & (border <= high))
    slices = F.transform(
        F.col("inside"),
        lambda top, number: F.struct(
            top.alias("top"), (top - F.coalesce(F.get(F.col("inside"), number - 1), low)).alias("width")
        ),
    )
    all_borders = F.array_sort(
        F.array_union(F.collect_set("low").over(of_episode), F.collect_set("high").over(of_episode))
    )
    return (
        moved.withColumn("height", F.sum(_signed(F.col(OTHER_PRICE))).over(up_to_here))
        .withColumn("episode", F.count_if(F.col("height") == 0).over(before))
        .withColumn("high", F.when(F.col(IS_PURCHASE), F.col("height")).otherwise(F.col("height") + F.col(OTHER_PRICE)))
        .withColumn("low", high - F.col(OTHER_PRICE))
        .withColumn("borders", all_borders)
        .withColumn("inside", inside)
        .withColumn("slice", F.explode_outer(slices))
        .withColumn("return_price", F.lead(PRICE).over(of_slice))
        .where(IS_PURCHASE)
        .withColumn("width", F.col("slice.width"))
    )


def _money_of_lines(taken: DataFrame) -> DataFrame:
    """Return one row per purchase with the money that was taken back of it, rounded once.

    A line of which all units came back at its own price gave back its whole amount.
    """
    line = (*LINE_KEYS, POSITION, GIVEN_BACK, s.UNITS_E4, PRICE, s.AMOUNT, SAME_PRICE, WHOLE)
    is_lower = F.col("return_price") < F.col(PRICE)
    width = F.col("width")
    at_own_price = F.coalesce(F.sum(F.when(~is_lower, width)), F.lit(0))
    at_lower_price = F.sum(F.when(is_lower, units_of(width) * F.col("return_price"))).cast(SUM_OF_PRICED_UNITS)
    own = F.col(SAME_PRICE) + F.col("own")
    is_all = (F.col(WHOLE) > 0) | (own == F.col(s.UNITS_E4))
    money = units_of(own) * F.col(PRICE) + F.coalesce(F.col("lower"), F.lit(0))
    rounded = F.round(money, s.MONEY.scale).cast(s.MONEY)
    return (
        taken.groupBy(*line)
        .agg(at_own_price.alias("own"), at_lower_price.alias("lower"))
        .withColumn(s.RETURNED, F.when(is_all, F.col(s.AMOUNT)).otherwise(F.least(rounded, F.col(s.AMOUNT))))
    )


def _capped(taken: DataFrame) -> DataFrame:
    """Return the rows of `money_taken_back`: no customer got more back than what the returns say.

    Rounded amounts of several purchases may add up to a little more than the amount of the return that took them.
    """
    before = Window.partitionBy(s.CUSTOMER_ID).orderBy(POSITION).rowsBetween(Window.unboundedPreceding, -1)
    rest = F.col(GIVEN_BACK) - F.coalesce(F.sum(s.RETURNED).over(before), F.lit(0))
    capped = F.greatest(F.lit(0), F.least(F.col(s.RETURNED), rest)).cast(s.MONEY)
    return taken.select(*LINE_KEYS, capped.alias(s.RETURNED)).where(F.col(s.RETURNED) > 0)


def _money(units_e4: Column, price: str) -> Column:
    return F.round(units_of(units_e4) * F.col(price), s.MONEY.scale).cast(s.MONEY)
