//! SQS, DynamoDB, Secrets Manager and S3 behind the ports
