"""Seldon's protocol over REST and gRPC. Rows come in; requests go out, and predictions come back.

transport       the two ways behind one interface: requests, client, answers
payload         what of the rows and labels travels, and in which form
rest_requests   whole HTTP requests, encoded once for each row
grpc_messages   protobuf messages, encoded once for each row, and read back
grpc_client     the gRPC client
answers         the predicted classes in an answer, and its tags
health          whether Seldon answers at an address
reasons         what an answer says of a failure, in one line
"""
