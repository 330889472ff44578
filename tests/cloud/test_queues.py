"""SQS with several senders and readers at once."""
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from harness import Case, client


class Queues(Case):
    def test_every_message_is_read_once(self):
        sqs = client("sqs")
        url = sqs.create_queue(QueueName="busy")["QueueUrl"]

        def send(sender: int) -> None:
            mine = client("sqs")
            for number in range(8):
                mine.send_message_batch(QueueUrl=url, Entries=[
                    {"Id": str(part), "MessageBody": f"{sender}-{number}-{part}"} for part in range(10)])

        def read(_: int) -> list[str]:
            mine, seen, idle = client("sqs"), [], 0
            while idle < 2:
                got = mine.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
                idle = 0 if got else idle + 1
                for one in got:
                    seen.append(one["Body"])
                    mine.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
            return seen

        with ThreadPoolExecutor(8) as pool:
            readers = [pool.submit(read, n) for n in range(4)]
            list(pool.map(send, range(4)))
            seen = Counter(body for reader in readers for body in reader.result())
        self.assertEqual(len(seen), 320)
        self.assertEqual(set(seen.values()), {1})
        left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
        self.assertEqual(left, {"ApproximateNumberOfMessages": "0"})

    def test_deleted_twice_is_no_error_but_an_invented_handle_is(self):
        sqs = client("sqs")
        url = sqs.create_queue(QueueName="one")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="x")
        handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
        self.refused("ReceiptHandleIsInvalid", sqs.delete_message, QueueUrl=url, ReceiptHandle="invented")
