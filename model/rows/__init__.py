"""Rows and labels: what a file of rows holds, and what travels of it in a request.

labels        class labels: text, true and false, whole numbers
columns       rows as typed columns, and as what an estimator takes
table_file    Parquet and CSV, read without pandas
answers_file  expected answers that were made elsewhere
request       the rows of a request, as Seldon's wrapper hands them to a class
"""
